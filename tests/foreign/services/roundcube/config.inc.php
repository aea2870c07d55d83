<?php
// Roundcube for the test, which fills in what stands between @ signs. What is not set here is Roundcube's own default.
$config = [
    'db_dsnw' => 'sqlite:///@FOLDER@/roundcube.sqlite?mode=0600',
    'imap_host' => '127.0.0.1:@IMAP@',
    'smtp_host' => '127.0.0.1:@SMTP@',
    'smtp_user' => '',
    'smtp_pass' => '',
    'mail_domain' => 'mail.example',
    'log_driver' => 'file',
    'log_dir' => '@FOLDER@/logs/',
    'temp_dir' => '@FOLDER@/temp/',
    'plugins' => [],
    'skin' => 'elastic',
    'enable_spellcheck' => false,
];

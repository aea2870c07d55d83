"""Takes mail over SMTP, as Roundcube sends it, and delivers it over LMTP, before it says that the mail was taken."""

import argparse
import signal
import smtplib

from aiosmtpd.controller import Controller


class Delivery:
    def __init__(self, port):
        self.port = port

    async def handle_DATA(self, _server, _session, envelope):
        with smtplib.LMTP("127.0.0.1", self.port, timeout=30) as mailbox:
            refused = mailbox.sendmail(envelope.mail_from, envelope.rcpt_tos, envelope.content)
        return f"451 not delivered to {sorted(refused)}" if refused else "250 delivered"


def main():
    options = argparse.ArgumentParser()
    options.add_argument("--smtp", type=int, required=True)
    options.add_argument("--lmtp", type=int, required=True)
    options = options.parse_args()
    signals = {signal.SIGINT, signal.SIGTERM}
    signal.pthread_sigmask(signal.SIG_BLOCK, signals)
    controller = Controller(Delivery(options.lmtp), hostname="127.0.0.1", port=options.smtp)
    controller.start()
    print("ready", flush=True)
    signal.sigwait(signals)
    controller.stop()


if __name__ == "__main__":
    main()

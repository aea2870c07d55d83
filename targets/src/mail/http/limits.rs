//! What a request may contain. Every limit has a name; what exceeds one is refused with a text that says so.

use crate::mail::store::{Attachment, Draft};

/// The most bytes of a request's body: a mail at its limits in base64, and its text.
pub const MAX_REQUEST_BYTES: usize = 12 * 1024 * 1024;
/// The most attachments of a mail.
pub const MAX_ATTACHMENTS: usize = 10;
/// The most bytes of a mail's attachments taken together.
pub const MAX_ATTACHMENT_BYTES: usize = 8 * 1024 * 1024;
/// The longest subject, in characters.
pub const MAX_SUBJECT_CHARS: usize = 200;
/// The longest text of a mail, in bytes.
pub const MAX_TEXT_BYTES: usize = 256 * 1024;
/// The longest user or display name, in characters.
pub const MAX_NAME_CHARS: usize = 80;
/// The longest file name, in characters.
pub const MAX_FILE_NAME_CHARS: usize = 120;
/// The longest media type, in characters.
pub const MAX_MEDIA_TYPE_CHARS: usize = 100;
/// The longest password that is checked, in bytes.
pub const MAX_PASSWORD_BYTES: usize = 1024;

/// The media type of an attachment that came without one.
const UNKNOWN_MEDIA_TYPE: &str = "application/octet-stream";

/// Input that exceeds a limit or is malformed, in words for whoever sent it.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct BadInput(pub(super) String);

/// Checks a mail before it is sent.
pub(super) fn check_draft(mut draft: Draft) -> Result<Draft, BadInput> {
    check_line("the recipient", &draft.to, MAX_NAME_CHARS)?;
    check_line("the subject", &draft.subject, MAX_SUBJECT_CHARS)?;
    if draft.body.len() > MAX_TEXT_BYTES {
        return Err(BadInput(format!(
            "the text is longer than {MAX_TEXT_BYTES} bytes"
        )));
    }
    if draft.attachments.len() > MAX_ATTACHMENTS {
        return Err(BadInput(format!(
            "there are more than {MAX_ATTACHMENTS} attachments"
        )));
    }
    if draft
        .attachments
        .iter()
        .map(|attachment| attachment.data.len())
        .sum::<usize>()
        > MAX_ATTACHMENT_BYTES
    {
        return Err(BadInput(format!(
            "the attachments are larger than {MAX_ATTACHMENT_BYTES} bytes together"
        )));
    }
    draft
        .attachments
        .iter_mut()
        .try_for_each(check_attachment)?;
    Ok(draft)
}

/// Checks the name that a user wants to be shown to others.
pub(super) fn check_display_name(name: &str) -> Result<(), BadInput> {
    if name.trim().is_empty() {
        return Err(BadInput("the name is empty".to_owned()));
    }
    check_line("the name", name, MAX_NAME_CHARS)
}

fn check_attachment(attachment: &mut Attachment) -> Result<(), BadInput> {
    if attachment.name.is_empty() {
        return Err(BadInput("an attachment has no file name".to_owned()));
    }
    check_line("a file name", &attachment.name, MAX_FILE_NAME_CHARS)?;
    if attachment.media_type.is_empty() {
        attachment.media_type = UNKNOWN_MEDIA_TYPE.to_owned();
    }
    check_line("a media type", &attachment.media_type, MAX_MEDIA_TYPE_CHARS)?;
    let visible = attachment
        .media_type
        .bytes()
        .all(|byte| matches!(byte, b' '..=b'~'));
    let (kind, rest) = attachment.media_type.split_once('/').unwrap_or_default();
    if !visible || kind.is_empty() || rest.is_empty() {
        return Err(BadInput(
            "a media type does not look like \"text/plain\"".to_owned(),
        ));
    }
    Ok(())
}

fn check_line(what: &str, text: &str, most: usize) -> Result<(), BadInput> {
    if text.chars().count() > most {
        return Err(BadInput(format!("{what} is longer than {most} characters")));
    }
    if text.chars().any(char::is_control) {
        return Err(BadInput(format!("{what} contains a control character")));
    }
    Ok(())
}

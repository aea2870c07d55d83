//! The JSON bodies under `/api`, as they go out and come in.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::limits::BadInput;
use crate::mail::note::Requester;
use crate::mail::service::{Answer, Outcome};
use crate::mail::store::{Attachment, AttachmentInfo, Draft, Folder, Login, Mail, Summary};

/// A log-in attempt.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LoginIn {
    pub(super) user: String,
    pub(super) password: String,
}

/// A display name to be set.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ProfileIn {
    pub(super) name: String,
}

/// A mail to be sent.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct MailIn {
    to: String,
    subject: String,
    #[serde(default)]
    body: String,
    #[serde(default)]
    attachments: Vec<AttachmentIn>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AttachmentIn {
    name: String,
    #[serde(default, rename = "type")]
    media_type: String,
    data: String,
}

impl MailIn {
    /// The draft, with its attachments decoded; nothing else is checked yet.
    pub(super) fn into_draft(self, sent_at: u64) -> Result<Draft, BadInput> {
        let attachments = self
            .attachments
            .into_iter()
            .map(AttachmentIn::decode)
            .collect::<Result<_, _>>()?;
        Ok(Draft {
            to: self.to,
            subject: self.subject,
            body: self.body,
            attachments,
            sent_at,
        })
    }
}

impl AttachmentIn {
    fn decode(self) -> Result<Attachment, BadInput> {
        let data = STANDARD.decode(self.data);
        let data =
            data.map_err(|error| BadInput(format!("an attachment's data is not base64: {error}")))?;
        Ok(Attachment {
            name: self.name,
            media_type: self.media_type,
            data,
        })
    }
}

/// A log-in as it is shown.
#[derive(Serialize)]
pub(super) struct LoginOut {
    at: u64,
    address: String,
}

impl From<Login> for LoginOut {
    fn from(login: Login) -> Self {
        Self {
            at: login.at,
            address: login.address.to_string(),
        }
    }
}

/// The log-in before the session's own, if there was one.
pub(super) fn last_login(requester: &Requester) -> Option<LoginOut> {
    let login = Login {
        at: requester.last_login,
        address: requester.address,
    };
    (requester.last_login > 0).then(|| login.into())
}

/// The answer to a log-in.
#[derive(Serialize)]
pub(super) struct LoggedIn {
    pub(super) user: String,
    pub(super) csrf: String,
    pub(super) last_login: Option<LoginOut>,
}

/// Any other answer: whose it is, and what was asked for.
#[derive(Serialize)]
pub(super) struct AnswerOut {
    user: String,
    name: String,
    last_login: Option<LoginOut>,
    #[serde(flatten)]
    outcome: OutcomeOut,
}

#[derive(Serialize)]
#[serde(untagged)]
enum OutcomeOut {
    Listed { mails: Vec<SummaryOut> },
    Read(MailOut),
    Sent { number: u64 },
    Deleted { deleted: u64, subject: String },
    Restored { restored: u64, subject: String },
    History { logins: Vec<LoginOut> },
    Profile {},
}

#[derive(Serialize)]
struct SummaryOut {
    number: u64,
    from: String,
    subject: String,
    sent_at: u64,
    attachments: usize,
    deleted: bool,
}

#[derive(Serialize)]
struct MailOut {
    number: u64,
    from: String,
    subject: String,
    sent_at: u64,
    body: String,
    attachments: Vec<AttachmentOut>,
    deleted: bool,
}

#[derive(Serialize)]
struct AttachmentOut {
    index: usize,
    name: String,
    #[serde(rename = "type")]
    media_type: String,
    size: usize,
}

impl AnswerOut {
    /// The answer to a request about the mail of that number (0 if about none). Attachments go out as they are, not in
    /// here.
    pub(super) fn new(answer: Answer, number: u64) -> Self {
        let outcome = match answer.outcome {
            Outcome::Listed(mails) => OutcomeOut::Listed {
                mails: mails.into_iter().map(SummaryOut::from).collect(),
            },
            Outcome::Read(mail) => OutcomeOut::Read(mail.into()),
            Outcome::Sent(number) => OutcomeOut::Sent { number },
            Outcome::Deleted(subject) => OutcomeOut::Deleted {
                deleted: number,
                subject,
            },
            Outcome::Restored(subject) => OutcomeOut::Restored {
                restored: number,
                subject,
            },
            Outcome::History(logins) => OutcomeOut::History {
                logins: logins.into_iter().map(LoginOut::from).collect(),
            },
            Outcome::Attachment(_) | Outcome::Profile | Outcome::Renamed => OutcomeOut::Profile {},
        };
        let last_login = last_login(&answer.whom);
        Self {
            user: answer.owner.name,
            name: answer.owner.display,
            last_login,
            outcome,
        }
    }
}

impl From<Summary> for SummaryOut {
    fn from(mail: Summary) -> Self {
        let Summary {
            number,
            from,
            subject,
            sent_at,
            attachments,
            folder,
        } = mail;
        Self {
            number,
            from,
            subject,
            sent_at,
            attachments,
            deleted: folder == Folder::Trash,
        }
    }
}

impl From<Mail> for MailOut {
    fn from(mail: Mail) -> Self {
        let Summary {
            number,
            from,
            subject,
            sent_at,
            folder,
            ..
        } = mail.summary;
        let attachments = (1..)
            .zip(mail.attachments)
            .map(AttachmentOut::from)
            .collect();
        Self {
            number,
            from,
            subject,
            sent_at,
            body: mail.body,
            attachments,
            deleted: folder == Folder::Trash,
        }
    }
}

impl From<(usize, AttachmentInfo)> for AttachmentOut {
    fn from((index, info): (usize, AttachmentInfo)) -> Self {
        Self {
            index,
            name: info.name,
            media_type: info.media_type,
            size: info.size,
        }
    }
}

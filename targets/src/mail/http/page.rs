//! The pages as HTML. Text from users goes through [`Text`], which escapes it.

use std::fmt;
use std::time::{Duration, UNIX_EPOCH};

use axum::response::Html;
use http::StatusCode;

use super::limits::{MAX_NAME_CHARS, MAX_SUBJECT_CHARS};
use crate::mail::service::Answer;
use crate::mail::store::{Folder, Login, Mail, Summary};

type Page = Html<String>;

const STYLE: &str = "\
:root{color-scheme:light dark;--line:#8886;--accent:#0a6}\
body{font:1rem/1.5 system-ui,sans-serif;max-width:52rem;margin:0 auto;padding:1rem}\
header,nav{display:flex;flex-wrap:wrap;gap:.3rem 1rem;align-items:baseline}\
header{border-bottom:3px solid var(--accent);padding-bottom:.5rem}\
header p{margin:0}nav{padding:.6rem 0}nav form{margin-left:auto}\
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.4rem .6rem;border-bottom:1px solid var(--line)}\
label{display:block;margin-top:.8rem}input,textarea{font:inherit;width:100%;box-sizing:border-box;padding:.4rem}\
button{font:inherit;padding:.3rem .8rem;margin-top:.6rem}nav button,td button{margin:0}\
pre{white-space:pre-wrap;font:inherit;border-left:3px solid var(--line);padding-left:1rem}\
.problem{color:#c22;font-weight:600}.muted{opacity:.75}";

/// Text for an HTML element or a quoted attribute.
struct Text<'a>(&'a str);

impl fmt::Display for Text<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '&' => out.write_str("&amp;")?,
                '<' => out.write_str("&lt;")?,
                '>' => out.write_str("&gt;")?,
                '"' => out.write_str("&quot;")?,
                '\'' => out.write_str("&#39;")?,
                other => fmt::Write::write_char(out, other)?,
            }
        }
        Ok(())
    }
}

/// A moment in seconds since 1970, as `Tue, 22 Jul 2008 06:10:00 GMT`.
struct Moment(u64);

impl fmt::Display for Moment {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        // The formatter knows the years up to 9999.
        const LAST: u64 = 253_402_300_799;
        let moment = UNIX_EPOCH + Duration::from_secs(self.0.min(LAST));
        httpdate::HttpDate::from(moment).fmt(out)
    }
}

fn document(title: &str, body: &str) -> Page {
    let title = Text(title);
    Html(format!(
        "<!DOCTYPE html>\n<html lang=\"en\">\n<head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>{title} · model webmail</title><style>{STYLE}</style></head>\n<body>\n{body}</body>\n</html>\n"
    ))
}

/// A page for somebody who is logged in: whom it was made for, their last log-in, the ways on, and `main`.
fn for_owner(answer: &Answer, title: &str, csrf: &str, main: &str) -> Page {
    let (display, name) = (Text(&answer.owner.display), Text(&answer.owner.name));
    let last_login = match answer.whom.last_login {
        0 => "This is the first log-in.".to_owned(),
        at => format!("Last log-in: {} from {}", Moment(at), answer.whom.address),
    };
    let log_out = button("/logout", csrf, "Log out");
    let heading = Text(title);
    let body = format!(
        "<header><p><strong>{display}</strong> ({name})</p><p class=\"muted\">{last_login}</p></header>\n\
         <nav aria-label=\"Main\"><a href=\"/inbox\">Inbox</a> <a href=\"/compose\">Write a mail</a> \
         <a href=\"/trash\">Trash</a> <a href=\"/history\">Log-in history</a> <a href=\"/profile\">Profile</a> \
         {log_out}</nav>\n<main>\n<h1>{heading}</h1>\n{main}</main>\n"
    );
    document(title, &body)
}

fn button(target: &str, csrf: &str, label: &str) -> String {
    format!(
        "<form method=\"post\" action=\"{target}\"><input type=\"hidden\" name=\"csrf\" value=\"{csrf}\">\
         <button>{label}</button></form>"
    )
}

/// An error.
pub(super) fn failure(status: StatusCode, text: &str) -> Page {
    let title = status.canonical_reason().unwrap_or("Error");
    let body = format!(
        "<main>\n<h1>{title}</h1>\n<p class=\"problem\">{}</p>\n<p><a href=\"/inbox\">To the inbox</a></p>\n</main>\n",
        Text(text)
    );
    document(title, &body)
}

/// The log-in form, with what went wrong the last time.
pub(super) fn login(csrf: &str, problem: Option<&str>) -> Page {
    let problem = problem
        .map(|text| format!("<p class=\"problem\" role=\"alert\">{}</p>\n", Text(text)))
        .unwrap_or_default();
    let body = format!(
        "<main>\n<h1>Log in</h1>\n{problem}<form method=\"post\" action=\"/login\">\
         <input type=\"hidden\" name=\"csrf\" value=\"{csrf}\">\
         <label for=\"user\">User name</label><input id=\"user\" name=\"user\" autocomplete=\"username\" required>\
         <label for=\"password\">Password</label><input id=\"password\" name=\"password\" type=\"password\" \
         autocomplete=\"current-password\" required><button>Log in</button></form>\n\
         <p class=\"muted\">A model of a webmail, for tests and lessons. Users are <code>user1</code>, \
         <code>user2</code> … with the passwords <code>password-user1</code>, <code>password-user2</code> …</p>\n\
         </main>\n"
    );
    document("Log in", &body)
}

/// The mails that are not deleted.
pub(super) fn inbox(answer: &Answer, mails: &[Summary], csrf: &str) -> Page {
    for_owner(answer, "Inbox", csrf, &table(mails, csrf, "No mail."))
}

/// The deleted mails.
pub(super) fn trash(answer: &Answer, mails: &[Summary], csrf: &str) -> Page {
    for_owner(
        answer,
        "Trash",
        csrf,
        &table(mails, csrf, "The trash is empty."),
    )
}

fn table(mails: &[Summary], csrf: &str, if_empty: &str) -> String {
    if mails.is_empty() {
        return format!("<p>{if_empty}</p>\n");
    }
    let newest_first: String = mails.iter().rev().map(|mail| row(mail, csrf)).collect();
    format!(
        "<table>\n<thead><tr><th scope=\"col\">From</th><th scope=\"col\">Subject</th><th scope=\"col\">Sent</th>\
         <th scope=\"col\">Attachments</th><th scope=\"col\"><span class=\"muted\">Action</span></th></tr></thead>\n\
         <tbody>\n{newest_first}</tbody>\n</table>\n"
    )
}

fn row(mail: &Summary, csrf: &str) -> String {
    let Summary {
        number,
        attachments,
        ..
    } = mail;
    let subject = if mail.subject.is_empty() {
        "(no subject)"
    } else {
        &mail.subject
    };
    format!(
        "<tr><td>{}</td><td><a href=\"/mail/{number}\">{}</a></td><td>{}</td><td>{attachments}</td><td>{}</td></tr>\n",
        Text(&mail.from),
        Text(subject),
        Moment(mail.sent_at),
        move_button(mail, csrf)
    )
}

fn move_button(mail: &Summary, csrf: &str) -> String {
    match mail.folder {
        Folder::Inbox => button(&format!("/mail/{}/delete", mail.number), csrf, "Delete"),
        Folder::Trash => button(&format!("/mail/{}/restore", mail.number), csrf, "Restore"),
    }
}

/// One mail.
pub(super) fn mail(answer: &Answer, mail: &Mail, csrf: &str) -> Page {
    let summary = &mail.summary;
    let number = summary.number;
    let attachments: String = (1..)
        .zip(&mail.attachments)
        .map(|(index, info)| {
            let (name, size) = (Text(&info.name), info.size);
            format!(
                "<li><a href=\"/mail/{number}/attachment/{index}\">{name}</a> ({size} bytes)</li>\n"
            )
        })
        .collect();
    let attachments = match attachments.as_str() {
        "" => String::new(),
        items => format!("<h2>Attachments</h2>\n<ul>\n{items}</ul>\n"),
    };
    let main = format!(
        "<p>From {} on {}</p>\n<pre>{}</pre>\n{attachments}{}\n",
        Text(&summary.from),
        Moment(summary.sent_at),
        Text(&mail.body),
        move_button(summary, csrf)
    );
    for_owner(answer, &summary.subject, csrf, &main)
}

/// The latest log-ins: the function that was new in 2008.
pub(super) fn history(answer: &Answer, logins: &[Login], csrf: &str) -> Page {
    let rows: String = logins
        .iter()
        .map(|login| {
            format!(
                "<tr><td>{}</td><td>{}</td></tr>\n",
                Moment(login.at),
                login.address
            )
        })
        .collect();
    let main = format!(
        "<table>\n<thead><tr><th scope=\"col\">When</th><th scope=\"col\">From where</th></tr></thead>\n\
         <tbody>\n{rows}</tbody>\n</table>\n"
    );
    for_owner(answer, "Log-in history", csrf, &main)
}

/// The display name, and a form to change it.
pub(super) fn profile(answer: &Answer, csrf: &str) -> Page {
    let main = format!(
        "<form method=\"post\" action=\"/profile\"><input type=\"hidden\" name=\"csrf\" value=\"{csrf}\">\
         <label for=\"name\">Name shown to others</label>\
         <input id=\"name\" name=\"name\" value=\"{}\" maxlength=\"{MAX_NAME_CHARS}\" required>\
         <button>Save</button></form>\n",
        Text(&answer.owner.display)
    );
    for_owner(answer, "Profile", csrf, &main)
}

/// The form for a new mail.
pub(super) fn compose(answer: &Answer, csrf: &str) -> Page {
    let main = format!(
        "<form method=\"post\" action=\"/compose\" enctype=\"multipart/form-data\">\
         <input type=\"hidden\" name=\"csrf\" value=\"{csrf}\">\
         <label for=\"to\">To (user name)</label><input id=\"to\" name=\"to\" maxlength=\"{MAX_NAME_CHARS}\" required>\
         <label for=\"subject\">Subject</label>\
         <input id=\"subject\" name=\"subject\" maxlength=\"{MAX_SUBJECT_CHARS}\">\
         <label for=\"body\">Text</label><textarea id=\"body\" name=\"body\" rows=\"10\"></textarea>\
         <label for=\"attachment\">Attachments</label>\
         <input id=\"attachment\" name=\"attachment\" type=\"file\" multiple><button>Send</button></form>\n"
    );
    for_owner(answer, "Write a mail", csrf, &main)
}

#[cfg(test)]
mod tests {
    use super::{Moment, Text};

    #[test]
    fn text_cannot_become_markup() {
        assert_eq!(
            Text("<a href='x' b=\"&\">").to_string(),
            "&lt;a href=&#39;x&#39; b=&quot;&amp;&quot;&gt;"
        );
    }

    #[test]
    fn moments_are_readable_however_late() {
        assert_eq!(
            Moment(1_216_707_000).to_string(),
            "Tue, 22 Jul 2008 06:10:00 GMT"
        );
        assert_eq!(
            Moment(u64::MAX).to_string(),
            "Fri, 31 Dec 9999 23:59:59 GMT"
        );
    }
}

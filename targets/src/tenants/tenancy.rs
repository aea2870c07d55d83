//! How a request tells the database for which tenant it works, and what it leaves behind. The variants differ in nothing else.

use super::database::{Failure, Statement};
use super::pool::{Lent, Pool};
use crate::members::Member;

/// When the tenant is set, and when it is taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rule {
    /// Set before the work, and left.
    Left,
    /// Set inside the transaction, and taken back at its end.
    InTransaction,
    /// Set before the work, and taken back after it.
    ResetAtTheEnd,
    /// Set before the work, and taken back after it, whatever came of it.
    ResetAfterErrors,
    /// Set by a statement of its own, for which the pool gives a connection as it does for the work. It is taken back
    /// whatever happens.
    ByItself,
}

/// What is to be done for a tenant.
#[derive(Debug)]
pub(super) enum Work {
    /// Puts a text in place of the first page.
    Write(String),
    /// Gives a page.
    Page(u16),
    /// Gives so many pages, each by a statement of its own.
    Pages(u16),
}

/// Does it.
pub(super) async fn done(
    pool: &Pool,
    rule: Rule,
    tenant: Member,
    work: Work,
) -> Result<String, Failure> {
    let mut lent = pool.lend().await?;
    match rule {
        Rule::Left => {
            lent.run(Statement::Set(tenant)).await?;
            performed(&mut lent, work).await
        }
        Rule::InTransaction => {
            lent.run(Statement::Begin).await?;
            lent.run(Statement::Set(tenant)).await?;
            let text = performed(&mut lent, work).await?;
            lent.run(Statement::Unset).await?;
            lent.run(Statement::Commit).await?;
            Ok(text)
        }
        Rule::ResetAtTheEnd => {
            lent.run(Statement::Set(tenant)).await?;
            let text = performed(&mut lent, work).await?;
            lent.run(Statement::Unset).await?;
            Ok(text)
        }
        Rule::ResetAfterErrors => {
            lent.run(Statement::Set(tenant)).await?;
            let text = performed(&mut lent, work).await;
            lent.run(Statement::Unset).await?;
            text
        }
        Rule::ByItself => {
            let _reset = pool.reset_afterwards();
            lent.run(Statement::Set(tenant)).await?;
            drop(lent);
            performed(&mut pool.lend().await?, work).await
        }
    }
}

async fn performed(lent: &mut Lent<'_>, work: Work) -> Result<String, Failure> {
    match work {
        Work::Write(text) => lent
            .run(Statement::Write(text))
            .await
            .map(|_| String::new()),
        Work::Page(number) => {
            let page = lent.run(Statement::Page(number)).await?;
            page.ok_or(Failure::Missing)
        }
        Work::Pages(last) => {
            let mut text = String::new();
            for number in 1..=last {
                if let Some(page) = lent.run(Statement::Page(number)).await? {
                    text.push_str(&page);
                }
            }
            Ok(text)
        }
    }
}

//! Making, checking and ending access tokens.

use std::collections::BTreeSet;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use sea_orm::ConnectionTrait;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::callers::Caller;
use super::context::OpContext;
use super::model::{Reach, Scope, Token, Viewer};
use super::store;
use crate::app::App;
use crate::error::{Error, Problems, Result, UserError, UserErrorCode};
use crate::platform::clock::Timestamp;
use crate::platform::db::Tx;
use crate::platform::ids::{BrandId, ChannelId, TokenId};
use crate::platform::ledger::Audit;
use crate::platform::op::Actor;
use crate::platform::{tasks, text};

/// So that a leaked secret can be recognised for what it is.
const SECRET_PREFIX: &str = "acl_";
const SECRET_BYTES: usize = 32;
const CHECKSUM_LEN: usize = 6;
/// `last_used_at` is written at most this often.
const TOUCH_EVERY_MS: i64 = 60_000;
const MAX_NAME: usize = 200;
/// Most brands and most channels that a token names.
const MAX_REACH: usize = 250;

/// A new secret: prefix, 256 random bits, and a checksum by which a mistyped one is told at once.
fn new_secret() -> String {
    let mut bytes = [0_u8; SECRET_BYTES];
    rand::fill(&mut bytes);
    let body = URL_SAFE_NO_PAD.encode(bytes);
    format!("{SECRET_PREFIX}{body}{}", checksum(&body))
}

fn checksum(body: &str) -> String {
    crate::platform::seal::sha256_hex(body.as_bytes())[..CHECKSUM_LEN].to_owned()
}

/// What is kept of a secret; none for a text that cannot be one.
fn hash_secret(secret: &str) -> Option<[u8; 32]> {
    let body = secret.strip_prefix(SECRET_PREFIX)?;
    let (body, sum) = body.split_at_checked(body.len().checked_sub(CHECKSUM_LEN)?)?;
    (checksum(body) == sum).then(|| Sha256::digest(secret.as_bytes()).into())
}

/// Who bears this secret, as of now or of half a second ago; UNAUTHENTICATED for a token that is unknown,
/// revoked or expired, without saying which.
pub async fn authenticate(app: &Arc<App>, secret: &str) -> Result<Caller> {
    let hash = hash_secret(secret).ok_or(Error::Unauthenticated)?;
    let read = app.clock.running();
    let caller = if let Some(caller) = app.callers.find(&hash, read) {
        caller
    } else {
        let epoch = app.callers.epoch();
        let caller = look_up(app, hash).await?;
        app.callers.keep(hash, read, epoch, &caller);
        caller
    };
    match caller.expires_at {
        Some(end) if end <= app.clock.now() => Err(Error::Unauthenticated),
        _ => Ok(caller),
    }
}

async fn look_up(app: &Arc<App>, hash: [u8; 32]) -> Result<Caller> {
    let found = store::find_by_secret(app.db.read(), hash.to_vec())
        .await?
        .ok_or(Error::Unauthenticated)?;
    let now = app.clock.now();
    let token = found.token;
    if !token.lives(now) {
        return Err(Error::Unauthenticated);
    }
    if token
        .last_used_at
        .is_none_or(|used| used.plus_ms(TOUCH_EVERY_MS) <= now)
    {
        touch_later(app, token.id);
    }
    Ok(Caller {
        viewer: Arc::new(Viewer::bearer(&token)),
        channels_revision: found.channels_revision,
        expires_at: token.expires_at,
    })
}

/// What the bearer of this token may do and see now; none once it was revoked or has expired.
pub(crate) async fn bearer_lives(app: &Arc<App>, id: TokenId) -> Result<Option<Viewer>> {
    let token = store::load(app.db.read(), &[id]).await?.remove(&id);
    Ok(token
        .filter(|token| token.lives(app.clock.now()))
        .map(|token| Viewer::bearer(&token)))
}

/// The token with this id, if it has no brand that the viewer has not, as GraphQL shows it.
pub(crate) async fn seen_token(
    db: &impl ConnectionTrait,
    viewer: &Viewer,
    id: TokenId,
) -> Result<Option<Token>> {
    let token = store::load(db, &[id]).await?.remove(&id);
    Ok(token.filter(|token| viewer.brands.covers(&token.brands)))
}

/// What an actor may do and see, as a transaction finds it; none for a token that lets nobody in any more.
pub(crate) async fn viewer_of(tx: &Tx, actor: Actor) -> Result<Option<Viewer>> {
    let id = match actor {
        Actor::System => return Ok(Some(Viewer::system())),
        Actor::Token(id) => id,
    };
    let token = store::load(&**tx, &[id]).await?.remove(&id);
    Ok(token
        .filter(|token| token.lives(tx.op.at))
        .map(|token| Viewer::bearer(&token)))
}

/// Notes that the token was used, behind the request: no answer waits for it.
fn touch_later(app: &Arc<App>, id: TokenId) {
    let cx = OpContext::system(app);
    tasks::spawn("touch_token", async move {
        let at = cx.at();
        let done = cx
            .write(id, move |tx, id| Box::pin(store::touch(&**tx, *id, at)))
            .await;
        if let Err(error) = done {
            tracing::warn!(error = %error, "the last use of a token was not noted");
        }
    });
}

/// What a new token shall be.
#[derive(Clone, Debug)]
pub(crate) struct NewToken {
    pub name: String,
    pub scopes: BTreeSet<Scope>,
    /// Empty: its maker's.
    pub brands: BTreeSet<BrandId>,
    /// Channels that its maker reaches: whoever calls has looked them up in the tree. Empty: its maker's.
    pub channels: BTreeSet<ChannelId>,
    pub expires_at: Option<Timestamp>,
}

/// Makes a token that can do no more than its maker, and returns its secret: the only time it is shown.
/// Repeated under the same idempotency key the secret is absent.
pub(crate) async fn create_token(
    cx: &OpContext,
    new: NewToken,
) -> Result<(TokenId, Option<String>)> {
    cx.viewer.require(Scope::Admin)?;
    let token = check(cx, new)?;
    let id = token.id;
    let secret = new_secret();
    let hash = hash_secret(&secret).ok_or_else(|| Error::internal("made a secret that is none"))?;
    let made: TokenId = cx
        .write((token, hash), |tx, (token, hash)| {
            Box::pin(async move {
                store::insert(&**tx, token, hash.to_vec(), tx.op.actor, tx.op.at).await?;
                tx.audit(Audit {
                    brand: None,
                    action: "createAccessToken",
                    subject: token.id.to_string(),
                    contents: Vec::new(),
                    changes: json!({
                        "name": token.name,
                        "scopes": token.scopes,
                        "brands": describe(&token.brands),
                        "channels": describe(&token.channels),
                        "expiresAt": token.expires_at.map(Timestamp::to_rfc3339),
                    }),
                });
                Ok(token.id)
            })
        })
        .await?;
    Ok((made, (made == id).then_some(secret)))
}

/// The operator's way in from the command line: a token with everything, or with one brand.
pub async fn create_operator_token(
    app: &Arc<App>,
    name: &str,
    scopes: BTreeSet<Scope>,
    brand: Option<BrandId>,
) -> Result<String> {
    let new = NewToken {
        name: name.to_owned(),
        scopes,
        brands: brand.into_iter().collect(),
        channels: BTreeSet::new(),
        expires_at: None,
    };
    let (_, secret) = create_token(&OpContext::system(app), new).await?;
    secret.ok_or_else(|| Error::internal("a new token without secret"))
}

fn check(cx: &OpContext, new: NewToken) -> Result<Token> {
    let mut problems = Problems::new();
    let name = text::required(&mut problems, "name", &new.name, MAX_NAME);
    if new.scopes.is_empty() {
        problems.add(
            UserErrorCode::Required,
            "scopes",
            "Give at least one scope.",
        );
    }
    if let Some(scope) = new.scopes.iter().find(|s| !cx.viewer.may(**s)) {
        let wrong = format!(
            "You do not have the scope {}, so you cannot give it.",
            scope.name()
        );
        problems.add(UserErrorCode::Invalid, "scopes", wrong);
    }
    for (field, len) in [
        ("brands", new.brands.len()),
        ("channels", new.channels.len()),
    ] {
        if len > MAX_REACH {
            problems.add(
                UserErrorCode::QuotaExceeded,
                field,
                format!("At most {MAX_REACH} entries."),
            );
        }
    }
    if reads_public_only(&new.scopes) && new.channels.is_empty() {
        let wanted = "A READ_PUBLIC token must name the channels it reads.";
        problems.add(UserErrorCode::Required, "channels", wanted);
    }
    let brands = if new.brands.is_empty() {
        cx.viewer.brands.clone()
    } else {
        Reach::Only(new.brands)
    };
    if !cx.viewer.brands.covers(&brands) {
        problems.push(UserError::not_found("brands"));
    }
    let channels = if new.channels.is_empty() {
        cx.viewer.channels.clone()
    } else {
        Reach::Only(new.channels)
    };
    if new.expires_at.is_some_and(|end| end <= cx.at()) {
        problems.add(
            UserErrorCode::Invalid,
            "expiresAt",
            "The end must lie in the future.",
        );
    }
    problems.check()?;
    Ok(Token {
        id: cx.op.ids.make(cx.at()),
        name,
        scopes: new.scopes,
        brands,
        channels,
        expires_at: new.expires_at,
        revoked_at: None,
        last_used_at: None,
    })
}

/// Whether such a token reads what is out now and nothing else; it may count usage besides.
fn reads_public_only(scopes: &BTreeSet<Scope>) -> bool {
    scopes.contains(&Scope::ReadPublic) && !scopes.iter().any(|s| s.includes(Scope::Read))
}

fn describe<I: ToString>(reach: &Reach<I>) -> serde_json::Value {
    match reach {
        Reach::All => json!("all"),
        Reach::Only(ids) => ids.iter().map(ToString::to_string).collect(),
    }
}

/// Ends a token at once. A token may end those that reach no further than itself; ending one that has
/// ended is no error.
pub(crate) async fn revoke_token(cx: &OpContext, id: TokenId) -> Result<TokenId> {
    cx.viewer.require(Scope::Admin)?;
    let viewer = Arc::clone(&cx.viewer);
    let revoked = cx
        .write((id, viewer), |tx, (id, viewer)| {
            Box::pin(async move {
                let token = store::load(&**tx, &[*id]).await?.remove(id);
                let token = token
                    .filter(|t| {
                        viewer.brands.covers(&t.brands) && viewer.channels.covers(&t.channels)
                    })
                    .ok_or_else(|| Error::not_found("token"))?;
                if store::revoke(&**tx, *id, tx.op.at).await? {
                    tx.audit(Audit {
                        brand: None,
                        action: "revokeAccessToken",
                        subject: token.id.to_string(),
                        contents: Vec::new(),
                        changes: json!({ "revokedAt": tx.op.at.to_rfc3339() }),
                    });
                }
                Ok(*id)
            })
        })
        .await;
    cx.app.callers.forget();
    revoked
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_scopes_without_read_are_public() {
        use Scope::{Read, ReadPublic, Review, UsageWrite};
        for (scopes, public) in [
            (vec![ReadPublic], true),
            (vec![ReadPublic, UsageWrite], true),
            (vec![ReadPublic, Read], false),
            (vec![ReadPublic, Review], false),
            (vec![UsageWrite], false),
        ] {
            assert_eq!(
                reads_public_only(&scopes.iter().copied().collect()),
                public,
                "{scopes:?}"
            );
        }
    }

    #[test]
    fn only_a_whole_secret_has_a_hash() {
        let secret = new_secret();
        assert!(hash_secret(&secret).is_some());
        assert_ne!(secret, new_secret());
        for junk in [
            "",
            "acl_",
            "acl_short",
            "é",
            &secret[..secret.len() - 1],
            &secret[1..],
        ] {
            assert!(hash_secret(junk).is_none(), "{junk}");
        }
    }
}

//! Who may do what: tokens, scopes and principals.
//!
//! A token is shown once, when it is made; only the hash of its secret is kept. [`Guard`] turns an
//! `Authorization` header into a [`Principal`], and a principal says which [`Scope`]s it has.
//!
//! Not here: where tokens are stored (the wiring passes a lookup) and HTTP itself.

pub mod body;
pub mod error;
pub mod guard;
pub mod operation;
pub mod principal;
pub mod session;
pub mod token;

pub use body::Object;
pub use error::{EXPLANATIONS, GuardError};
pub use guard::{Guard, TokenLookup};
pub use operation::{Operation, Verb};
pub use principal::{Entrance, Principal, Role, Scope};
pub use session::OpenedSession;
pub use token::{StoredToken, new_token};

//! How much of the thread's stack is in use.

/// How much of the stack a part may use: half of what the threads of a server have.
const BYTES_MAX: usize = 1 << 20;

/// A place on the stack from which its use is measured.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Stack(usize);

impl Stack {
    /// From here on.
    pub(crate) fn here() -> Self {
        Self(position())
    }

    /// Whether more is in use than may be.
    pub(crate) fn is_full(self) -> bool {
        self.0.abs_diff(position()) > BYTES_MAX
    }
}

/// Where on the stack the caller is, nearly.
#[inline(never)]
fn position() -> usize {
    let marker = 0_u8;
    std::ptr::from_ref(&marker).addr()
}

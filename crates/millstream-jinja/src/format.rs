//! Texts with places to fill: `'%s' % x` and `'{}'.format(x)`.

mod braces;
mod number;
mod percent;
mod spec;

pub(crate) use braces::braces;
pub(crate) use percent::percent;

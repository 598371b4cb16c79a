//! Enums that are lists: all of their variants can be gone through.

/// Declares an enum with `ALL`, its variants in their order, and `COUNT`. Both are made of the variants, so that none can be missing, and an
/// array of `COUNT` has a place for each of them at `variant as usize`.
macro_rules! listed {
    ($(#[$meta:meta])* $vis:vis enum $name:ident { $($(#[$doc:meta])* $variant:ident),+ $(,)? }) => {
        $(#[$meta])*
        $vis enum $name {
            $($(#[$doc])* $variant),+
        }

        impl $name {
            /// How many there are.
            $vis const COUNT: usize = [$(Self::$variant),+].len();

            /// All of them, in their order.
            $vis const ALL: [Self; Self::COUNT] = [$(Self::$variant),+];
        }
    };
}
pub(crate) use listed;

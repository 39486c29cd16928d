//! How our interfaces are put together.

/// The methods that the interfaces' derive wants on each object. GraphQL resolves every field on the
/// object itself, never through the interface, so none of them is ever called.
macro_rules! interface_methods {
    ($object:ty { $($method:ident ( $($arg:ident: $arg_ty:ty),* ) -> $ty:ty;)* }) => {
        impl $object {
            $(pub(crate) async fn $method(&self, _: &async_graphql::Context<'_>, $(_: $arg_ty),*) -> async_graphql::Result<$ty> {
                $(let _ = stringify!($arg);)*
                Err($crate::graphql::error::fail($crate::error::Error::internal("a field was read through its interface")))
            })*
        }
    };
}

pub(crate) use interface_methods;

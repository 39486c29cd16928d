//! How our interfaces are put together.
//!
//! The derive resolves a field that is selected on an interface through a method of the object, of the
//! interface's type. Ours resolve every field on the object itself instead: a narrowed field keeps its
//! type, and no field is written twice. The derive is left with the schema.

/// The methods that the interfaces' derive wants on each object. [`resolved_on_object`] sees to it that
/// none of them is ever called.
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

/// Makes an enum of objects, each variant named as its object, the output type of the interface that
/// another enum derives.
macro_rules! resolved_on_object {
    ($enum:ident as $interface:ident { $($object:ident),* $(,)? }) => {
        impl async_graphql::OutputType for $enum {
            fn type_name() -> std::borrow::Cow<'static, str> {
                <$interface as async_graphql::OutputType>::type_name()
            }

            fn introspection_type_name(&self) -> std::borrow::Cow<'static, str> {
                match self {
                    $(Self::$object(object) => async_graphql::OutputType::introspection_type_name(object),)*
                }
            }

            fn create_type_info(registry: &mut async_graphql::registry::Registry) -> String {
                <$interface as async_graphql::OutputType>::create_type_info(registry)
            }

            async fn resolve(
                &self,
                ctx: &async_graphql::ContextSelectionSet<'_>,
                field: &async_graphql::Positioned<async_graphql::parser::types::Field>,
            ) -> async_graphql::ServerResult<async_graphql::Value> {
                match self {
                    $(Self::$object(object) => async_graphql::OutputType::resolve(object, ctx, field).await,)*
                }
            }
        }
    };
}

pub(crate) use {interface_methods, resolved_on_object};

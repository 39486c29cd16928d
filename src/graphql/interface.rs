//! How our interfaces are put together.

use std::borrow::Cow;
use std::marker::PhantomData;

use async_graphql::parser::types::Field;
use async_graphql::registry::Registry;
use async_graphql::{
    ContainerType, Context, ContextSelectionSet, Error, OutputType, Positioned, ServerResult, Value,
};

/// The value of a field of type `T`, resolved already.
///
/// A field that is asked of an interface (`content { title }`) is asked of the interface's methods. Ours
/// hand the question on to the object's own field, whose answer is a finished value, not a `T`.
pub(crate) struct Resolved<T>(Value, PhantomData<fn() -> T>);

impl<T: OutputType> Resolved<T> {
    /// What the object answers to the field of the context.
    pub(crate) async fn of(
        object: &impl ContainerType,
        ctx: &Context<'_>,
    ) -> async_graphql::Result<Self> {
        match object.resolve_field(ctx).await {
            Ok(value) => Ok(Self(value.unwrap_or_default(), PhantomData)),
            Err(error) => Err(Error {
                message: error.message,
                source: error.source,
                extensions: error.extensions,
            }),
        }
    }
}

impl<T: OutputType> OutputType for Resolved<T> {
    fn type_name() -> Cow<'static, str> {
        T::type_name()
    }

    fn qualified_type_name() -> String {
        T::qualified_type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        T::create_type_info(registry)
    }

    async fn resolve(
        &self,
        _: &ContextSelectionSet<'_>,
        _: &Positioned<Field>,
    ) -> ServerResult<Value> {
        Ok(self.0.clone())
    }
}

/// The methods that the interfaces' derive wants on each object: each asks the object's own field. The
/// derive's `ty` of a field is `Resolved<its type>`.
macro_rules! interface_methods {
    ($object:ty { $($method:ident ( $($arg:ident: $arg_ty:ty),* ) -> $ty:ty;)* }) => {
        impl $object {
            $(pub(crate) async fn $method(
                &self,
                ctx: &async_graphql::Context<'_>,
                $(_: $arg_ty),*
            ) -> async_graphql::Result<$crate::graphql::interface::Resolved<$ty>> {
                $(let _ = stringify!($arg);)*
                $crate::graphql::interface::Resolved::of(self, ctx).await
            })*
        }
    };
}

pub(crate) use interface_methods;

//! Untrusted bytes in; a rendition, measurements, or what the file says about itself out.
//!
//! [`draw`] makes a rendition of a picture, a drawing or the first page of a PDF; [`measure`] says what it
//! looks like, how white its border is and how much of it its subject fills; [`metadata`] reads EXIF, IPTC,
//! XMP and the like. What must stay true:
//!
//! - **What is predicted is drawn.** [`predict`] and [`predict_drawing`] give the exact size of a rendition
//!   before there is one. No pixel is made up: nothing is scaled up.
//! - **A rendition is the picture and nothing else:** upright, sRGB, 8 bits a channel, no EXIF, XMP, GPS or
//!   profile.
//! - **Limits hold before anything is decoded:** `accolade_media` reads pixels, edges and frames from the
//!   header, and [`Limits`] bound them.
//! - **Decoders are not trusted.** They are large, some are in C, and each may abort, loop or run out of
//!   memory. A server draws through a [`Pool`], which gives each job a process of its own with limits on
//!   memory and time, no environment, and no way to open a file or a connection ([`worker`]).

#[cfg(unix)]
mod child;
mod color;
mod decode;
mod encode;
mod error;
mod hash;
mod job;
mod limits;
mod measure;
mod metadata;
mod picture;
mod plan;
#[cfg(unix)]
mod pool;
mod protocol;
mod recipe;
#[cfg(unix)]
mod sandbox;
mod scale;
#[cfg(unix)]
pub mod worker;

pub use decode::Source;
pub use error::DrawError;
pub use job::{Drawn, DrawnFacts, Note, draw};
pub use limits::Limits;
pub use measure::{Measured, Whiteness, WorstPixel, measure};
pub use metadata::{Metadata, metadata};
pub use plan::{Placed, place, place_drawing, predict, predict_drawing};
#[cfg(unix)]
pub use pool::{Pool, PoolConfig};
pub use protocol::{Isolation, Job, Task};
pub use recipe::{Color, Fit, FocalPoint, MAX_EDGE, OutputType, Recipe};

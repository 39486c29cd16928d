//! The tags of EXIF that are shown, by the names of Exif 2.32 and of Windows (`XP…`). Others are left out:
//! places of pixels, tables, previews and what makers keep in their own way.

/// The directories that are read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Directory {
    /// The picture itself.
    Picture,
    /// How it was taken.
    Exif,
    /// Where it was taken.
    Place,
}

/// How the value of a tag is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Reading {
    /// As its type says: text or numbers.
    Plain,
    /// Text in UTF-16 with the lowest byte first, whatever its type says.
    Wide,
    /// Text behind eight bytes that name its encoding.
    Comment,
    /// Text whose type says that it is anything.
    Letters,
}

use Directory::{Exif, Picture, Place};
use Reading::{Comment, Letters, Plain, Wide};

/// The name of a tag, and how to read it.
pub(super) fn name(directory: Directory, tag: u16) -> Option<(&'static str, Reading)> {
    let (_, _, name, reading) = TAGS
        .iter()
        .find(|(place, number, ..)| *place == directory && *number == tag)?;
    Some((name, *reading))
}

const TAGS: &[(Directory, u16, &str, Reading)] = &[
    (Picture, 0x010D, "DocumentName", Plain),
    (Picture, 0x010E, "ImageDescription", Plain),
    (Picture, 0x010F, "Make", Plain),
    (Picture, 0x0110, "Model", Plain),
    (Picture, 0x0112, "Orientation", Plain),
    (Picture, 0x011A, "XResolution", Plain),
    (Picture, 0x011B, "YResolution", Plain),
    (Picture, 0x0128, "ResolutionUnit", Plain),
    (Picture, 0x0131, "Software", Plain),
    (Picture, 0x0132, "DateTime", Plain),
    (Picture, 0x013B, "Artist", Plain),
    (Picture, 0x013C, "HostComputer", Plain),
    (Picture, 0x4746, "Rating", Plain),
    (Picture, 0x8298, "Copyright", Plain),
    (Picture, 0x9C9B, "XPTitle", Wide),
    (Picture, 0x9C9C, "XPComment", Wide),
    (Picture, 0x9C9D, "XPAuthor", Wide),
    (Picture, 0x9C9E, "XPKeywords", Wide),
    (Picture, 0x9C9F, "XPSubject", Wide),
    (Exif, 0x829A, "ExposureTime", Plain),
    (Exif, 0x829D, "FNumber", Plain),
    (Exif, 0x8822, "ExposureProgram", Plain),
    (Exif, 0x8824, "SpectralSensitivity", Plain),
    (Exif, 0x8827, "PhotographicSensitivity", Plain),
    (Exif, 0x8830, "SensitivityType", Plain),
    (Exif, 0x8832, "RecommendedExposureIndex", Plain),
    (Exif, 0x9000, "ExifVersion", Letters),
    (Exif, 0x9003, "DateTimeOriginal", Plain),
    (Exif, 0x9004, "DateTimeDigitized", Plain),
    (Exif, 0x9010, "OffsetTime", Plain),
    (Exif, 0x9011, "OffsetTimeOriginal", Plain),
    (Exif, 0x9012, "OffsetTimeDigitized", Plain),
    (Exif, 0x9201, "ShutterSpeedValue", Plain),
    (Exif, 0x9202, "ApertureValue", Plain),
    (Exif, 0x9203, "BrightnessValue", Plain),
    (Exif, 0x9204, "ExposureBiasValue", Plain),
    (Exif, 0x9205, "MaxApertureValue", Plain),
    (Exif, 0x9206, "SubjectDistance", Plain),
    (Exif, 0x9207, "MeteringMode", Plain),
    (Exif, 0x9208, "LightSource", Plain),
    (Exif, 0x9209, "Flash", Plain),
    (Exif, 0x920A, "FocalLength", Plain),
    (Exif, 0x9214, "SubjectArea", Plain),
    (Exif, 0x9286, "UserComment", Comment),
    (Exif, 0x9290, "SubSecTime", Plain),
    (Exif, 0x9291, "SubSecTimeOriginal", Plain),
    (Exif, 0x9292, "SubSecTimeDigitized", Plain),
    (Exif, 0x9400, "AmbientTemperature", Plain),
    (Exif, 0xA000, "FlashpixVersion", Letters),
    (Exif, 0xA001, "ColorSpace", Plain),
    (Exif, 0xA002, "PixelXDimension", Plain),
    (Exif, 0xA003, "PixelYDimension", Plain),
    (Exif, 0xA004, "RelatedSoundFile", Plain),
    (Exif, 0xA20E, "FocalPlaneXResolution", Plain),
    (Exif, 0xA20F, "FocalPlaneYResolution", Plain),
    (Exif, 0xA210, "FocalPlaneResolutionUnit", Plain),
    (Exif, 0xA215, "ExposureIndex", Plain),
    (Exif, 0xA217, "SensingMethod", Plain),
    (Exif, 0xA401, "CustomRendered", Plain),
    (Exif, 0xA402, "ExposureMode", Plain),
    (Exif, 0xA403, "WhiteBalance", Plain),
    (Exif, 0xA404, "DigitalZoomRatio", Plain),
    (Exif, 0xA405, "FocalLengthIn35mmFilm", Plain),
    (Exif, 0xA406, "SceneCaptureType", Plain),
    (Exif, 0xA407, "GainControl", Plain),
    (Exif, 0xA408, "Contrast", Plain),
    (Exif, 0xA409, "Saturation", Plain),
    (Exif, 0xA40A, "Sharpness", Plain),
    (Exif, 0xA40C, "SubjectDistanceRange", Plain),
    (Exif, 0xA420, "ImageUniqueID", Plain),
    (Exif, 0xA430, "CameraOwnerName", Plain),
    (Exif, 0xA431, "BodySerialNumber", Plain),
    (Exif, 0xA432, "LensSpecification", Plain),
    (Exif, 0xA433, "LensMake", Plain),
    (Exif, 0xA434, "LensModel", Plain),
    (Exif, 0xA435, "LensSerialNumber", Plain),
    (Exif, 0xA436, "ImageTitle", Plain),
    (Exif, 0xA437, "Photographer", Plain),
    (Exif, 0xA438, "ImageEditor", Plain),
    (Exif, 0xA460, "CompositeImage", Plain),
    (Exif, 0xA500, "Gamma", Plain),
    (Place, 0x0000, "GPSVersionID", Plain),
    (Place, 0x0001, "GPSLatitudeRef", Plain),
    (Place, 0x0002, "GPSLatitude", Plain),
    (Place, 0x0003, "GPSLongitudeRef", Plain),
    (Place, 0x0004, "GPSLongitude", Plain),
    (Place, 0x0005, "GPSAltitudeRef", Plain),
    (Place, 0x0006, "GPSAltitude", Plain),
    (Place, 0x0007, "GPSTimeStamp", Plain),
    (Place, 0x0008, "GPSSatellites", Plain),
    (Place, 0x0009, "GPSStatus", Plain),
    (Place, 0x000A, "GPSMeasureMode", Plain),
    (Place, 0x000B, "GPSDOP", Plain),
    (Place, 0x000C, "GPSSpeedRef", Plain),
    (Place, 0x000D, "GPSSpeed", Plain),
    (Place, 0x000E, "GPSTrackRef", Plain),
    (Place, 0x000F, "GPSTrack", Plain),
    (Place, 0x0010, "GPSImgDirectionRef", Plain),
    (Place, 0x0011, "GPSImgDirection", Plain),
    (Place, 0x0012, "GPSMapDatum", Plain),
    (Place, 0x0017, "GPSDestBearingRef", Plain),
    (Place, 0x0018, "GPSDestBearing", Plain),
    (Place, 0x001B, "GPSProcessingMethod", Comment),
    (Place, 0x001C, "GPSAreaInformation", Comment),
    (Place, 0x001D, "GPSDateStamp", Plain),
    (Place, 0x001F, "GPSHPositioningError", Plain),
];

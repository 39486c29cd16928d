//! How fast renditions are made, beside `vipsthumbnail` (Debian: libvips-tools) on the same files in the
//! same run, on one core, by processor time, and how near both come to a full decode scaled with Lanczos.
//!
//!     cargo run --release -p accolade-draw --example pace -- [PHOTO…]
//!
//! It makes 50 photos of 12 megapixels from a sample (enlarged, shifted, with a camera's noise; every
//! tenth progressive). Photos named on the command line are measured too, as a set of their own.

#![expect(
    clippy::print_stdout,
    clippy::unwrap_used,
    clippy::panic,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::cast_precision_loss,
    reason = "a tool for the desk"
)]

use std::fs::File;
use std::io::{BufReader, Cursor};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use accolade_draw::{Color, Fit, Limits, OutputType, Pool, PoolConfig, Recipe, draw, worker};
use fast_image_resize::images::Image;
use fast_image_resize::{FilterType, PixelType, ResizeAlg, ResizeOptions, Resizer};

const PHOTOS: u32 = 50;
const SIZE: (u32, u32) = (4000, 3000);
const ROUNDS: usize = 3;

fn main() -> std::process::ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.first().is_some_and(|a| a == "worker") {
        return worker::run();
    }
    // One core for everything that follows, children too.
    let me = std::process::id().to_string();
    run(Command::new("taskset")
        .args(["-cp", "0", &me])
        .stdout(Stdio::null()));
    let folder = tempfile::tempdir().unwrap();
    let made: Vec<PathBuf> = (0..PHOTOS).map(|n| photo(folder.path(), n)).collect();
    measure("made photos", &made, folder.path());
    if !arguments.is_empty() {
        let given: Vec<PathBuf> = arguments
            .iter()
            .cycle()
            .take(20)
            .map(PathBuf::from)
            .collect();
        measure("given photos", &given, folder.path());
    }
    std::process::ExitCode::SUCCESS
}

struct Task {
    name: &'static str,
    recipe: Recipe,
    /// What vipsthumbnail is asked for.
    size: &'static str,
    format: &'static str,
}

fn tasks() -> Vec<Task> {
    let inside = |output, quality| Recipe {
        quality: Some(quality),
        ..Recipe::new(Some(800), Some(800), Fit::Inside, output)
    };
    vec![
        Task {
            name: "800 px JPEG 80",
            recipe: inside(OutputType::Jpeg, 80),
            size: "800x800",
            format: "jpg[Q=80,strip]",
        },
        Task {
            name: "800 px WebP 80",
            recipe: inside(OutputType::Webp, 80),
            size: "800x800",
            format: "webp[Q=80,strip]",
        },
        Task {
            // vipsthumbnail does not pad: its side of this row has less to do.
            name: "2000 × 2000 padded JPEG 90",
            recipe: Recipe {
                quality: Some(90),
                background: Some(Color::WHITE),
                ..Recipe::new(Some(2000), Some(2000), Fit::Pad, OutputType::Jpeg)
            },
            size: "2000x2000",
            format: "jpg[Q=90,strip]",
        },
    ]
}

fn measure(set: &str, photos: &[PathBuf], folder: &Path) {
    let bytes: u64 = photos.iter().map(|p| p.metadata().unwrap().len()).sum();
    println!(
        "{set}: {} files, {} KB each",
        photos.len(),
        bytes / 1000 / photos.len() as u64
    );
    println!(
        "| rendition | ours/s | through a worker/s | vips/s | ratio | PSNR ours | PSNR vips |"
    );
    println!("|---|---|---|---|---|---|---|");
    let limits = Limits::default();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let mut config = PoolConfig::new(std::env::current_exe().unwrap(), vec!["worker".into()]);
    config.workers = 1;
    let pool = Pool::start(config).unwrap();
    for task in tasks() {
        let (mut ours, mut pooled, mut vips) = (Vec::new(), Vec::new(), Vec::new());
        let output = folder.join("vips");
        let _ = std::fs::create_dir(&output);
        for _ in 0..ROUNDS {
            ours.push(rate(photos.len(), || {
                for photo in photos {
                    draw(
                        BufReader::with_capacity(1 << 17, File::open(photo).unwrap()),
                        &task.recipe,
                        &limits,
                    )
                    .unwrap();
                }
            }));
            pooled.push(rate(photos.len(), || {
                for photo in photos {
                    runtime
                        .block_on(pool.draw(photo.clone(), task.recipe.clone()))
                        .unwrap();
                }
            }));
            vips.push(rate(photos.len(), || {
                run(Command::new("vipsthumbnail")
                    .env("VIPS_CONCURRENCY", "1")
                    .args(photos)
                    .args(["--size", task.size, "-o"])
                    .arg(format!("{}/%s.{}", output.display(), task.format)));
            }));
        }
        let (mut near, mut near_vips) = (Vec::new(), Vec::new());
        for photo in photos.iter().take(4) {
            let reference = reference(photo, &task.recipe);
            let drawn = draw(
                BufReader::new(File::open(photo).unwrap()),
                &task.recipe,
                &limits,
            )
            .unwrap();
            near.push(psnr(&reference, &pixels(&drawn.bytes), &task.recipe));
            let name = photo.file_stem().unwrap().to_string_lossy().into_owned();
            let extension = task.format.split('[').next().unwrap();
            let bytes = std::fs::read(output.join(format!("{name}.{extension}"))).unwrap();
            near_vips.push(psnr(&reference, &pixels(&bytes), &task.recipe));
        }
        let (a, b, c) = (median(ours), median(pooled), median(vips));
        println!(
            "| {} | {a:.1} | {b:.1} | {c:.1} | {:.2} | {:.1} dB | {:.1} dB |",
            task.name,
            a / c,
            near.iter().sum::<f64>() / near.len() as f64,
            near_vips.iter().sum::<f64>() / near_vips.len() as f64,
        );
    }
}

/// A photo of 12 megapixels.
fn photo(folder: &Path, n: u32) -> PathBuf {
    let sample =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../media/tests/samples/photos/flower.jpg");
    let (w, h, sample) = pixels(&std::fs::read(sample).unwrap());
    let sample = Image::from_vec_u8(w, h, sample, PixelType::U8x3).unwrap();
    let shift = f64::from(n % 10) * 4.0;
    let options = ResizeOptions::new()
        .resize_alg(ResizeAlg::Convolution(FilterType::CatmullRom))
        .crop(shift, shift / 2.0, f64::from(w) - 40.0, f64::from(h) - 30.0);
    let mut large = Image::new(SIZE.0, SIZE.1, PixelType::U8x3);
    Resizer::new()
        .resize(&sample, &mut large, &options)
        .unwrap();
    let mut large = large.into_vec();
    let mut state = u64::from(n) * 2 + 1;
    for value in &mut large {
        // The sum of four dice is near enough to a camera's noise.
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let noise = (0..4)
            .map(|k| ((state >> (33 + 7 * k)) & 7) as i32)
            .sum::<i32>()
            - 14;
        *value = (i32::from(*value) + noise).clamp(0, 255) as u8;
    }
    let mut encoder = mozjpeg::Compress::new(mozjpeg::ColorSpace::JCS_RGB);
    encoder.set_fastest_defaults();
    encoder.set_size(SIZE.0 as usize, SIZE.1 as usize);
    encoder.set_quality(88.0);
    if n % 10 == 9 {
        encoder.set_progressive_mode();
    }
    let mut rows = encoder.start_compress(Vec::new()).unwrap();
    rows.write_scanlines(&large).unwrap();
    let path = folder.join(format!("photo-{n}.jpg"));
    std::fs::write(&path, rows.finish().unwrap()).unwrap();
    path
}

/// The photo decoded in full and scaled with Lanczos, without any loss after that.
fn reference(photo: &Path, recipe: &Recipe) -> (u32, u32, Vec<u8>) {
    let (w, h, source) = pixels(&std::fs::read(photo).unwrap());
    let inside = Recipe {
        fit: Fit::Inside,
        ..recipe.clone()
    };
    let (tw, th) = accolade_draw::predict(w, h, &inside);
    let source = Image::from_vec_u8(w, h, source, PixelType::U8x3).unwrap();
    let mut target = Image::new(tw, th, PixelType::U8x3);
    let options = ResizeOptions::new().resize_alg(ResizeAlg::Convolution(FilterType::Lanczos3));
    Resizer::new()
        .resize(&source, &mut target, &options)
        .unwrap();
    (tw, th, target.into_vec())
}

/// The pixels of a JPEG or WebP.
fn pixels(bytes: &[u8]) -> (u32, u32, Vec<u8>) {
    if bytes.starts_with(b"RIFF") {
        let image = webp::Decoder::new(bytes).decode().unwrap();
        return (image.width(), image.height(), image.to_vec());
    }
    let mut rows = mozjpeg::Decompress::builder()
        .from_reader(Cursor::new(bytes))
        .unwrap()
        .rgb()
        .unwrap();
    let (w, h) = (rows.width() as u32, rows.height() as u32);
    (w, h, rows.read_scanlines().unwrap())
}

/// How near a rendition comes to the reference, which it may have white around.
fn psnr(reference: &(u32, u32, Vec<u8>), drawn: &(u32, u32, Vec<u8>), recipe: &Recipe) -> f64 {
    let (w, h, expected) = reference;
    let (dw, dh, actual) = drawn;
    let (left, top) = ((dw - w) / 2, (dh - h) / 2);
    assert!((left, top) == (0, 0) || recipe.fit == Fit::Pad);
    let mut sum = 0.0;
    for y in 0..*h {
        for x in 0..*w * 3 {
            let e = expected[(y * w * 3 + x) as usize];
            let a = actual[((y + top) * dw * 3 + left * 3 + x) as usize];
            sum += (f64::from(e) - f64::from(a)).powi(2);
        }
    }
    10.0 * (255.0_f64.powi(2) / (sum / expected.len() as f64)).log10()
}

/// Photos for each second of processor time, of this process and its children: what else runs on the
/// machine does not count.
fn rate(count: usize, work: impl FnOnce()) -> f64 {
    let began = processor_seconds();
    work();
    count as f64 / (processor_seconds() - began)
}

/// Of this process and of the children that have ended: fields 14 to 17 of its line in /proc.
fn processor_seconds() -> f64 {
    let line = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields = line.rsplit(')').next().unwrap().split_whitespace();
    let ticks: u64 = fields
        .skip(11)
        .take(4)
        .map(|f| f.parse::<u64>().unwrap())
        .sum();
    ticks as f64 / 100.0
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}

fn run(command: &mut Command) {
    match command.status() {
        Ok(status) if status.success() => {}
        other => panic!("{command:?}: {other:?}"),
    }
}

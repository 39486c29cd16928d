//! A disk that loses, in a power cut, what was not written through to it. The kernel keeps everything when a process
//! is killed; a cut takes what no `fsync` has named. `disk.c` stands before those calls and keeps what they name, and
//! here the folder is made anew of it.

use std::collections::{BTreeMap, HashMap};
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::UNIX_EPOCH;

use tempfile::TempDir;

/// What a power cut takes of that which was not written through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Lost {
    All,
    /// The kernel writes some of it by itself, in any order: each file's bytes and each folder's names by chance.
    Some,
}

/// What is kept of one folder, and the library that a process keeps it by.
pub(crate) struct Disk {
    place: TempDir,
    folder: PathBuf,
}

/// A file or a folder as a cut leaves it.
enum Left {
    Bytes(Vec<u8>),
    Names(BTreeMap<String, Left>),
}

/// What lies under a folder now, by what it is known by.
#[derive(Default)]
struct Now {
    files: HashMap<String, PathBuf>,
    folders: HashMap<String, Entries>,
}

/// The entries of a folder.
type Entries = Vec<Entry>;

#[derive(Clone)]
struct Entry {
    is_folder: bool,
    /// What it is known by.
    id: String,
    name: String,
}

impl Entry {
    /// As `disk.c` writes one.
    fn line(&self) -> String {
        let kind = if self.is_folder { 'd' } else { 'f' };
        format!("{kind} {} {}\n", self.id, self.name)
    }

    fn of(line: &str) -> Self {
        let mut words = line.splitn(3, ' ');
        let mut word = || words.next().unwrap().to_owned();
        Self {
            is_folder: word() == "d",
            id: word(),
            name: word(),
        }
    }
}

impl Disk {
    /// A disk under a folder, whose present contents it holds.
    pub(crate) fn under(folder: &Path) -> Self {
        let disk = Self {
            place: tempfile::tempdir().unwrap(),
            folder: folder.to_owned(),
        };
        fs::create_dir(disk.kept()).unwrap();
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/crash/disk.c");
        let built = Command::new("cc")
            .args([
                "-shared", "-fPIC", "-O1", "-Wall", "-Werror", "-pthread", "-o",
            ])
            .args([&disk.library(), &source])
            .output()
            .unwrap();
        assert!(built.status.success(), "{built:?}");
        disk.hold();
        disk
    }

    /// What a process of this disk has in its environment.
    pub(crate) fn settings(&self) -> [(&'static str, String); 2] {
        let text = |path: PathBuf| path.to_str().unwrap().to_owned();
        [
            ("LD_PRELOAD", text(self.library())),
            ("TEST_DISK", text(self.kept())),
        ]
    }

    /// Cuts the power, where no process uses the folder any more: it holds what the disk does.
    pub(crate) fn cut(&self, lost: Lost) {
        let mut now = Now::default();
        let root = Self::look(&self.folder, &mut now);
        let left = self.names(&root, &now, lost);
        for entry in fs::read_dir(&self.folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                fs::remove_dir_all(path).unwrap();
            } else {
                fs::remove_file(path).unwrap();
            }
        }
        write(&self.folder, left);
        self.hold();
    }

    fn library(&self) -> PathBuf {
        self.place.path().join("disk.so")
    }

    fn kept(&self) -> PathBuf {
        self.place.path().join("kept")
    }

    /// All that lies in the folder now is on the disk.
    fn hold(&self) {
        fs::remove_dir_all(self.kept()).unwrap();
        fs::create_dir(self.kept()).unwrap();
        let mut now = Now::default();
        Self::look(&self.folder, &mut now);
        for (id, path) in now.files {
            fs::copy(path, self.kept().join(id)).unwrap();
        }
        for (id, entries) in now.folders {
            let lines: String = entries.iter().map(Entry::line).collect();
            fs::write(self.kept().join(id), lines).unwrap();
        }
    }

    /// Looks at all that lies in a folder; what it is known by.
    fn look(folder: &Path, now: &mut Now) -> String {
        let mut entries = Entries::new();
        for entry in fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            let (path, about) = (entry.path(), entry.metadata().unwrap());
            let is_folder = about.is_dir();
            let id = if is_folder {
                Self::look(&path, now)
            } else {
                let id = known_by(&about);
                now.files.insert(id.clone(), path);
                id
            };
            let name = entry.file_name().into_string().unwrap();
            entries.push(Entry {
                is_folder,
                id,
                name,
            });
        }
        let id = known_by(&fs::metadata(folder).unwrap());
        now.folders.insert(id.clone(), entries);
        id
    }

    /// What is left of a folder: nothing where no names were written through.
    fn names(&self, id: &str, now: &Now, lost: Lost) -> BTreeMap<String, Left> {
        let present = now.folders.get(id).filter(|_| later(lost));
        let entries = present.cloned().unwrap_or_else(|| {
            let kept = fs::read_to_string(self.kept().join(id)).unwrap_or_default();
            kept.lines().map(Entry::of).collect()
        });
        let left = entries.into_iter().map(|entry| {
            let left = if entry.is_folder {
                Left::Names(self.names(&entry.id, now, lost))
            } else {
                Left::Bytes(self.bytes(&entry.id, now, lost))
            };
            (entry.name, left)
        });
        left.collect()
    }

    /// The bytes that are left of a file: none where none were written through.
    fn bytes(&self, id: &str, now: &Now, lost: Lost) -> Vec<u8> {
        match now.files.get(id).filter(|_| later(lost)) {
            Some(path) => fs::read(path).unwrap(),
            None => fs::read(self.kept().join(id)).unwrap_or_default(),
        }
    }
}

/// Whether the disk has what came after the last that was written through.
fn later(lost: Lost) -> bool {
    lost == Lost::Some && rand::random()
}

/// As `disk.c` names an inode.
fn known_by(about: &Metadata) -> String {
    let made = about.created().map_or_else(
        |_| (0, 0),
        |at| {
            let since = at.duration_since(UNIX_EPOCH).unwrap();
            (since.as_secs(), since.subsec_nanos())
        },
    );
    format!("{:x}-{:x}-{:x}", about.ino(), made.0, made.1)
}

fn write(folder: &Path, names: BTreeMap<String, Left>) {
    for (name, left) in names {
        let path = folder.join(name);
        match left {
            Left::Bytes(bytes) => fs::write(path, bytes).unwrap(),
            Left::Names(names) => {
                fs::create_dir(&path).unwrap();
                write(&path, names);
            }
        }
    }
}

/// What is written through, and nothing else, outlives a cut.
#[test]
fn a_cut_takes_what_was_not_written_through() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("there"), "before").unwrap();
    let disk = Disk::under(folder.path());
    let script = "echo more >> there
        mkdir in; echo kept > in/kept; echo empty > in/empty; sync in/kept in .
        echo later >> in/kept; mv in/empty in/renamed; echo new > in/new; mkdir in/folder";
    let done = Command::new("sh")
        .args(["-c", script])
        .current_dir(folder.path())
        .envs(disk.settings())
        .status();
    assert!(done.unwrap().success());
    disk.cut(Lost::All);
    let read = |name: &str| fs::read_to_string(path(name)).ok();
    assert_eq!(read("there").as_deref(), Some("before"));
    assert_eq!(read("in/kept").as_deref(), Some("kept\n"));
    assert_eq!(read("in/empty").as_deref(), Some(""));
    for name in ["in/renamed", "in/new", "in/folder"] {
        assert!(!path(name).exists(), "{name}");
    }
    // What a cut has left is on the disk.
    fs::remove_file(path("in/kept")).unwrap();
    disk.cut(Lost::All);
    assert_eq!(read("in/kept").as_deref(), Some("kept\n"));
}

//! What the lifecycle of contents is, in a page: states, the steps between them, and how each is refused.
//!
//! It is written from the promises, not from the code it judges: plain fields, no shared types.

/// Nothing speaks against it, or the code of the first thing that does.
pub(super) type Verdict = Result<(), &'static str>;

const FORBIDDEN: Verdict = Err("FORBIDDEN_TRANSITION");

/// One of the two who write and review.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Who {
    Anna,
    Bert,
}

impl Who {
    pub(super) fn other(self) -> Self {
        match self {
            Self::Anna => Self::Bert,
            Self::Bert => Self::Anna,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Asset,
    Endorsement,
}

/// A step that somebody tries. Places in lists are taken modulo their length.
#[derive(Clone, Debug)]
pub(super) enum Step {
    Add {
        expected: Expected,
    },
    Submit {
        version: usize,
    },
    Recall {
        version: usize,
    },
    Approve {
        version: usize,
    },
    RequestChanges {
        version: usize,
    },
    WithdrawVersion {
        version: usize,
    },
    Withdraw,
    NotSaidAnyMore,
    Archive,
    Restore,
    Trash,
    Schedule {
        stale: bool,
        release: Option<i64>,
        expire: Option<i64>,
    },
    Place {
        live: bool,
    },
    GoLive {
        placement: usize,
    },
    Retire {
        placement: usize,
    },
}

/// The number that a new version is thought to have.
#[derive(Clone, Copy, Debug)]
pub(super) enum Expected {
    Any,
    Next,
    Stale,
}

#[derive(Clone, Debug)]
pub(super) struct Version {
    pub(super) state: &'static str,
    pub(super) author: Who,
}

#[derive(Clone, Debug)]
pub(super) struct Placement {
    pub(super) status: &'static str,
    /// The place of its version in the list.
    pub(super) version: usize,
}

/// One content; times are days from the start.
#[derive(Clone, Debug)]
pub(super) struct Content {
    pub(super) kind: Kind,
    pub(super) versions: Vec<Version>,
    pub(super) placements: Vec<Placement>,
    pub(super) revision: i64,
    pub(super) release: Option<i64>,
    pub(super) expire: Option<i64>,
    withdrawn: bool,
    archived: bool,
    trashed: bool,
}

impl Content {
    pub(super) fn new(kind: Kind, author: Who, revision: i64) -> Self {
        Self {
            kind,
            versions: vec![Version {
                state: "DRAFT",
                author,
            }],
            placements: Vec::new(),
            revision,
            release: None,
            expire: None,
            withdrawn: false,
            archived: false,
            trashed: false,
        }
    }

    /// The place of the current version: the approved one with the highest number.
    pub(super) fn current(&self) -> Option<usize> {
        self.versions.iter().rposition(|v| v.state == "APPROVED")
    }

    /// Where it stands on a day; the last that fits.
    pub(super) fn status(&self, today: i64) -> &'static str {
        let mut status = "DRAFT";
        if self.current().is_some() {
            status = "ACTIVE";
            if self.release.is_some_and(|day| today < day) {
                status = "SCHEDULED";
            }
        }
        for (holds, name) in [
            (self.expire.is_some_and(|day| today >= day), "EXPIRED"),
            (self.withdrawn, "WITHDRAWN"),
            (self.archived, "ARCHIVED"),
            (self.trashed, "TRASHED"),
        ] {
            if holds {
                status = name;
            }
        }
        status
    }

    /// Whether the public may see it: it is tagged to the channel, has its proof, and nothing demands a lease.
    fn goes_out(&self, today: i64) -> bool {
        self.status(today) == "ACTIVE"
    }

    /// Takes a step, or says why not. What is refused has changed nothing.
    pub(super) fn take(&mut self, step: &Step, who: Who, today: i64) -> Verdict {
        let mut next = self.clone();
        next.try_step(step, who, today)?;
        // Every step but a placement's touches the content itself.
        if !matches!(
            step,
            Step::Place { .. } | Step::GoLive { .. } | Step::Retire { .. }
        ) {
            next.revision += 1;
        }
        *self = next;
        Ok(())
    }

    fn try_step(&mut self, step: &Step, who: Who, today: i64) -> Verdict {
        let places = matches!(
            step,
            Step::Place { .. } | Step::GoLive { .. } | Step::Retire { .. }
        );
        let mends = matches!(step, Step::Restore | Step::Schedule { .. });
        let is_foreign = matches!(step, Step::NotSaidAnyMore) && self.kind == Kind::Asset;
        if self.trashed && !places && !mends && !is_foreign {
            return FORBIDDEN;
        }
        match *step {
            Step::Add { expected } => {
                if matches!(expected, Expected::Stale) {
                    return Err("CONFLICT");
                }
                self.versions.push(Version {
                    state: "DRAFT",
                    author: who,
                });
            }
            Step::Submit { version } => self.shift(version, "DRAFT", "IN_REVIEW")?,
            Step::Recall { version } => self.shift(version, "IN_REVIEW", "DRAFT")?,
            Step::Approve { version } => {
                self.check_not_by(version, who)?;
                self.shift(version, "IN_REVIEW", "APPROVED")?;
            }
            Step::RequestChanges { version } => {
                self.check_not_by(version, who)?;
                self.shift(version, "IN_REVIEW", "CHANGES_REQUESTED")?;
            }
            Step::WithdrawVersion { version } => self.shift(version, "APPROVED", "WITHDRAWN")?,
            Step::NotSaidAnyMore if self.kind == Kind::Asset => return Err("NOT_FOUND"),
            Step::NotSaidAnyMore | Step::Withdraw if self.withdrawn => return FORBIDDEN,
            Step::NotSaidAnyMore | Step::Withdraw => self.withdrawn = true,
            Step::Archive if self.archived => return FORBIDDEN,
            Step::Archive => self.archived = true,
            Step::Restore if !self.archived && !self.trashed => return FORBIDDEN,
            Step::Restore => (self.archived, self.trashed) = (false, false),
            Step::Trash if self.placements.iter().any(|p| p.status == "LIVE") => {
                return Err("IN_USE");
            }
            Step::Trash => self.trashed = true,
            Step::Schedule {
                stale,
                release,
                expire,
            } => self.schedule(stale, release, expire)?,
            Step::Place { live } => self.place(live, today)?,
            Step::GoLive { placement } => self.move_placement(placement, "LIVE", today)?,
            Step::Retire { placement } => self.move_placement(placement, "RETIRED", today)?,
        }
        Ok(())
    }

    fn shift(&mut self, version: usize, from: &str, to: &'static str) -> Verdict {
        let version = &mut self.versions[version];
        if version.state != from {
            return FORBIDDEN;
        }
        version.state = to;
        Ok(())
    }

    /// It counts before the state: who wrote it need not know how it stands.
    fn check_not_by(&self, version: usize, who: Who) -> Verdict {
        if self.versions[version].author == who {
            return Err("SELF_REVIEW");
        }
        Ok(())
    }

    fn schedule(&mut self, stale: bool, release: Option<i64>, expire: Option<i64>) -> Verdict {
        // Whoever has not read it last cannot know where it stands.
        if stale {
            return Err("CONFLICT");
        }
        if self.trashed {
            return FORBIDDEN;
        }
        if let (Some(release), Some(expire)) = (release, expire)
            && expire <= release
        {
            return Err("INVALID");
        }
        (self.release, self.expire) = (release, expire);
        Ok(())
    }

    fn place(&mut self, live: bool, today: i64) -> Verdict {
        let version = self
            .current()
            .filter(|_| !self.trashed)
            .ok_or("NOT_AVAILABLE")?;
        if live && !self.goes_out(today) {
            return Err("NOT_AVAILABLE");
        }
        let status = if live { "LIVE" } else { "PLANNED" };
        self.placements.push(Placement { status, version });
        Ok(())
    }

    fn move_placement(&mut self, at: usize, to: &'static str, today: i64) -> Verdict {
        let Placement { status, version } = self.placements[at];
        match (status, to) {
            (from, to) if from == to => {}
            ("RETIRED", _) => return FORBIDDEN,
            (_, "LIVE") if self.versions[version].state != "APPROVED" || !self.goes_out(today) => {
                return Err("NOT_AVAILABLE");
            }
            _ => self.placements[at].status = to,
        }
        Ok(())
    }
}

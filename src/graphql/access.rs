//! The one table that says who may ask for which field. A field that it does not name, nobody gets, and a
//! test fails.

use crate::accounts::Scope;

/// Who may ask for a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    /// Every token.
    Anyone,
    /// Tokens that read what is out now, or that send usage events.
    Public,
    /// Tokens with READ.
    Internal,
    /// Tokens with ADMIN.
    Operator,
    /// Tokens with the scope that a mutation needs.
    With(Scope),
}

use Access::{Anyone, Internal, Operator, Public, With};

/// The rule for a field. Payloads go with their mutations.
pub(crate) fn access(ty: &str, field: &str) -> Option<Access> {
    if ty.ends_with("Payload") || matches!(ty, "UserError" | "PageInfo") {
        return Some(Anyone);
    }
    if ty == "Mutation" {
        let mut needs = MUTATIONS.iter().filter(|(names, _)| names.contains(&field));
        return needs.next().map(|(_, scope)| With(*scope));
    }
    if ty.ends_with("Connection") || ty.ends_with("Edge") {
        return Some(Public);
    }
    let (_, whole, exceptions) = TABLE.iter().find(|(name, _, _)| *name == ty)?;
    let exception = exceptions
        .iter()
        .find(|(fields, _)| fields.contains(&field));
    exception.map_or(*whole, |(_, access)| *access)
}

type Row = (
    &'static str,
    Option<Access>,
    &'static [(&'static [&'static str], Option<Access>)],
);

/// What each mutation needs. Its service asks again; here, nothing of the input has been looked at.
const MUTATIONS: &[(&[&str], Scope)] = &[
    (
        &[
            "createAccessToken",
            "revokeAccessToken",
            "createBrand",
            "updateBrand",
            "createChannel",
            "updateChannel",
        ],
        Scope::Admin,
    ),
    (
        &[
            "createProduct",
            "updateProduct",
            "createOutlet",
            "updateOutlet",
            "createAudience",
            "createAsset",
            "addAssetVersion",
            "createEndorsement",
            "addEndorsementVersion",
            "addEvidence",
            "recheckEndorsement",
            "updateContent",
            "updateContents",
            "archiveContent",
            "restoreContent",
            "trashContent",
            "withdrawContent",
            "submitVersion",
            "recallVersion",
            "createLease",
            "endLease",
            "createPlacement",
            "updatePlacement",
            "waiveGap",
            "createRequest",
            "updateRequest",
            "importFile",
        ],
        Scope::Write,
    ),
    (
        &["reviewVersion", "withdrawVersion", "decideClaim"],
        Scope::Review,
    ),
    (
        &["recordUsage", "recordSighting", "syncPlacements"],
        Scope::UsageWrite,
    ),
];

/// What only those inside see of any content.
const OF_CONTENT: &[&str] = &[
    "leases",
    "placements",
    "usage",
    "history",
    "versions",
    "evidence",
    "claims",
    "comments",
    "createdBy",
    "wonBy",
    "recheckDueAt",
    "rechecks",
    "similar",
    "takeDowns",
];

const CONTENT: &[(&[&str], Option<Access>)] = &[(OF_CONTENT, Some(Internal))];

const VERSION: &[(&[&str], Option<Access>)] = &[(&["reviews", "note"], Some(Internal))];

const ASSET_VERSION: &[(&[&str], Option<Access>)] =
    &[(&["reviews", "note", "renditions", "checks"], Some(Internal))];

/// By type: the rule for its fields, and the exceptions.
const TABLE: &[Row] = &[
    (
        "Query",
        Some(Public),
        &[
            (&["me", "node", "nodes"], Some(Anyone)),
            (
                &[
                    "reviewQueue",
                    "brands",
                    "products",
                    "outlets",
                    "audiences",
                    "search",
                    "coverage",
                    "waste",
                    "bestProof",
                    "requests",
                    "rightsEnding",
                    "ruleImpact",
                    "storedBytes",
                ],
                Some(Internal),
            ),
            (&["auditLog"], Some(Operator)),
        ],
    ),
    ("Node", Some(Anyone), &[]),
    ("Content", Some(Public), CONTENT),
    ("Asset", Some(Public), CONTENT),
    ("Endorsement", Some(Public), CONTENT),
    ("Version", Some(Public), VERSION),
    ("AssetVersion", Some(Public), ASSET_VERSION),
    ("EndorsementVersion", Some(Public), VERSION),
    ("Statement", Some(Public), &[]),
    ("File", Some(Public), &[(&["metadata"], Some(Internal))]),
    ("Rendition", Some(Public), &[]),
    ("SimilarAsset", Some(Internal), &[]),
    ("Point", Some(Public), &[]),
    ("Brand", Some(Public), &[]),
    ("Product", Some(Public), &[]),
    ("Outlet", Some(Public), &[(&["usageTerms"], Some(Internal))]),
    ("Audience", Some(Public), &[]),
    ("Channel", Some(Public), &[]),
    ("ChannelRule", Some(Internal), &[]),
    ("RenditionPreset", Some(Public), &[]),
    ("Availability", Some(Public), &[]),
    (
        "Hold",
        Some(Public),
        &[(&["lease", "message", "findings"], Some(Internal))],
    ),
    ("RuleFinding", Some(Internal), &[]),
    ("LeaseTerms", Some(Public), &[]),
    ("Lease", Some(Internal), &[]),
    ("Money", Some(Internal), &[]),
    ("Evidence", Some(Internal), &[]),
    ("PageCapture", Some(Internal), &[]),
    ("PageHeader", Some(Internal), &[]),
    ("Claim", Some(Internal), &[]),
    ("Review", Some(Internal), &[]),
    ("UpdateContentsResult", Some(Anyone), &[]),
    ("Placement", Some(Internal), &[]),
    ("Sighting", Some(Public), &[]),
    ("SyncRejection", Some(Anyone), &[]),
    ("UsageTotals", Some(Internal), &[]),
    ("Request", Some(Internal), &[]),
    ("TakeDowns", Some(Internal), &[]),
    ("Coverage", Some(Internal), &[]),
    ("CoverageRow", Some(Internal), &[]),
    ("CoverageCell", Some(Internal), &[]),
    ("CoverageSummary", Some(Internal), &[]),
    ("Waste", Some(Internal), &[]),
    ("Proof", Some(Internal), &[]),
    ("RightsEnding", Some(Internal), &[]),
    ("RuleImpact", Some(Internal), &[]),
    ("Import", Some(Internal), &[]),
    ("ImportError", Some(Internal), &[]),
    ("System", Some(Anyone), &[]),
    ("AccessToken", Some(Anyone), &[]),
    ("AuditEntry", Some(Internal), &[]),
];

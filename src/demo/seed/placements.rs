//! Placements and what was counted at them.

use anyhow::Context;
use rust_decimal::Decimal;
use serde_json::json;

use super::{Seeder, text};
use crate::demo::story::{Placement, Usage, Waiver};

impl<'s> Seeder<'s> {
    /// Places a content; whoever made its newest version does it.
    pub(super) async fn place(&mut self, new: &'s Placement) -> anyhow::Result<()> {
        let content = self.content(&new.content)?;
        let version = new.version.checked_sub(1);
        let version = version
            .and_then(|i| content.versions.get(i))
            .with_context(|| format!("{} has no version {} yet", new.content, new.version))?;
        let audience = new.audience.as_deref();
        let audience = audience.map(|key| self.id("audience", key)).transpose()?;
        let input = json!({
            "content": content.id, "version": version, "channel": new.channel,
            "product": self.id("product", &new.product)?, "audience": audience, "location": new.location,
            "url": new.url, "status": new.status,
            "plannedFor": new.planned_in_days.map(|days| self.desk.date(days)),
        });
        let who = &self.person(&content.author)?.viewer;
        let selection = "placement { beaconKey }";
        let made = self
            .desk
            .call(who, "createPlacement", selection, input)
            .await
            .with_context(|| new.key.clone())?;
        let key = text(&made["placement"]["beaconKey"])?;
        self.beacons.insert(&new.key, key);
        Ok(())
    }

    /// Leaves a gap on purpose; whoever wrote the win down does it.
    pub(super) async fn waive(&self, waiver: &Waiver) -> anyhow::Result<()> {
        let content = self.content(&waiver.endorsement)?;
        let input = json!({
            "endorsement": content.id, "channel": waiver.channel, "reason": waiver.reason,
            "until": self.desk.instant(waiver.until_in_days),
        });
        let who = &self.person(&content.author)?.viewer;
        self.desk
            .call(who, "waiveGap", "cell { state }", input)
            .await
            .with_context(|| waiver.endorsement.clone())?;
        Ok(())
    }

    /// Reports what was counted on a day: one event for each placement and kind.
    pub(super) async fn count(&self, days_ago: u32) -> anyhow::Result<()> {
        let who = self.counter.as_ref().context("nobody counts")?;
        let day = self.desk.date(-i32::try_from(days_ago)?);
        let mut events = Vec::new();
        for usage in self.story.usage.iter().filter(|u| u.days >= days_ago) {
            let key = self.beacons.get(usage.placement.as_str());
            let key = key.with_context(|| format!("{} is not placed yet", usage.placement))?;
            events.push(json!({
                "id": format!("{day} {} {}", usage.placement, usage.kind), "kind": usage.kind,
                "at": format!("{day}T12:00:00Z"), "beaconKey": key, "count": usage.per_day,
                "value": all_together(usage),
            }));
        }
        let input = json!({ "events": events });
        self.desk
            .call(who, "recordUsage", "accepted", input)
            .await
            .with_context(|| day)?;
        Ok(())
    }
}

/// What a day's events of a kind brought in.
fn all_together(usage: &Usage) -> Option<serde_json::Value> {
    let each = usage.value.as_ref()?;
    let amount = each.amount * Decimal::from(usage.per_day);
    Some(json!({ "amount": amount, "currency": each.currency }))
}

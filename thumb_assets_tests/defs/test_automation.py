"""Facts of Dagster on which ADR 6 rests: what automation conditions would do with a library's partitions."""

import dagster as dg

VIDEOS = dg.DynamicPartitionsDefinition(name="videos")


@dg.multi_asset(
    specs=[
        dg.AssetSpec(name, skippable=True, automation_condition=dg.AutomationCondition.eager()) for name in ("a", "b")
    ],
    can_subset=True,
    partitions_def=VIDEOS,
    backfill_policy=dg.BackfillPolicy.multi_run(25),
)
def pipeline():
    """The shape of ours."""
    yield from ()


DEFINITIONS = dg.Definitions(assets=[pipeline])


def test_partitions_that_were_missing_before_are_ignored_and_new_ones_are_not() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        instance.add_dynamic_partitions("videos", ["old-00000000"])
        first = dg.evaluate_automation_conditions(DEFINITIONS, instance)
        assert first.total_requested == 0
        instance.add_dynamic_partitions("videos", ["new-00000000"])
        second = dg.evaluate_automation_conditions(DEFINITIONS, instance, cursor=first.cursor)
        assert second.get_requested_partitions(dg.AssetKey("a")) == {"new-00000000"}


def test_what_was_asked_for_once_is_not_asked_for_again_though_it_stays_missing() -> None:
    with dg.DagsterInstance.ephemeral() as instance:
        first = dg.evaluate_automation_conditions(DEFINITIONS, instance)
        instance.add_dynamic_partitions("videos", ["new-00000000"])
        second = dg.evaluate_automation_conditions(DEFINITIONS, instance, cursor=first.cursor)
        third = dg.evaluate_automation_conditions(DEFINITIONS, instance, cursor=second.cursor)
        assert (second.total_requested, third.total_requested) == (2, 0)

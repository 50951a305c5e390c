"""Timeline: which run had which slot when."""

from __future__ import annotations

import pytest

from .contents import FAILED, FINISHED, RUNNING, STARTED, content_of

#: Attempts as (run, slot, submitted, started, ended, state), in seconds since the search began.
Attempts = list[tuple[int, int | None, float, float | None, float | None, int]]
TWO_GPUS: Attempts = [
    (0, 0, 0, 0, 400, FINISHED),
    (1, 1, 0, 0, 200, FAILED),
    (1, 1, 500, 500, 1000, FINISHED),
    (2, 0, 400, 400, None, RUNNING),
]


def search(attempts: Attempts, slots: int = 2, **changes: object) -> dict[str, object]:
    """Return a search with these attempts; its page is made 1000 s after its start."""
    runs = 1 + max(run for run, *_ in attempts)
    states = [FINISHED] * runs
    for run, *_, state in attempts:
        states[run] = state
    content = content_of({"lr": [run / 10 for run in range(runs)]}, {"acc": [0.5] * runs}, states, seeds=())
    tries = [
        [other[0] for other in attempts[:number]].count(attempts[number][0]) + 1 for number in range(len(attempts))
    ]
    run, slot, submitted, started, ended, state = ([*column] for column in zip(*attempts))
    content["attempts"] = {"run": run, "attempt": tries, "slot": slot, "state": state}
    for name, times in (("submitted", submitted), ("started", started), ("ended", ended)):
        content["attempts"][name] = [None if time is None else STARTED + time for time in times]
    content["attempts"]["queued"] = [began is None or began > since for since, began in zip(submitted, started)]
    content["runs"]["attempts"] = [run.count(number) for number in range(runs)]
    content["slots"] = [f"GPU {number}" for number in range(slots)]
    return content | {"made_at": STARTED + 1000} | changes


class Field:
    """The rows of a timeline and what is under the mouse there."""

    def __init__(self, shown) -> None:
        self.shown = shown
        shown.section("timeline")
        self._rows = shown.page.locator("#timeline .rows")

    def at(self, slot: int, share: float) -> tuple[float, float]:
        """Return the place on the screen of a share (0..1) of the shown time, in the row of a slot."""
        box = self._rows.bounding_box()
        count = self.shown.page.locator("#timeline .labels div").count()
        return box["x"] + share * box["width"], box["y"] + (slot + 0.5) * box["height"] / count

    def hover(self, slot: int, share: float) -> list[str]:
        """Move the mouse there, and return the lines that are shown beside it; none if nothing is."""
        self.shown.page.mouse.move(*self.at(slot, share))
        hover = self.shown.page.locator("#timeline .hover")
        return hover.locator("div").all_inner_texts() if hover.is_visible() else []

    def click(self, slot: int, share: float) -> None:
        self.shown.page.mouse.click(*self.at(slot, share))

    def drag(self, begin: float, end: float) -> None:
        """Draw the mouse over a time, from share to share."""
        self.shown.page.mouse.move(*self.at(0, begin))
        self.shown.page.mouse.down()
        self.shown.page.mouse.move(*self.at(0, end), steps=3)
        self.shown.page.mouse.up()
        self.shown.settle()

    def colour(self, slot: int, share: float) -> list[int]:
        """Return red, green, blue and opacity of a pixel."""
        return self._rows.evaluate(
            """(canvas, [slot, share]) => {
              const row = canvas.height / document.querySelectorAll("#timeline .labels div").length;
              return [...canvas.getContext("2d").getImageData(canvas.width * share, row * (slot + 0.8), 1, 1).data];
            }""",
            [slot, share],
        )


def text_of(shown) -> str:
    return shown.section("timeline").locator(".sentence").inner_text()


def test_each_slot_has_a_row(show):
    shown = show(search(TWO_GPUS), draws=False)
    assert shown.section("timeline").locator(".labels div").all_inner_texts() == ["GPU 0", "GPU 1"]


def test_a_bar_tells_of_its_attempt(show):
    field = Field(show(search(TWO_GPUS), draws=False))
    assert field.hover(1, 0.1)[:3] == ["run 2, attempt 1 on GPU 1", "failed", "took 3 min 20 s"]
    assert field.hover(1, 0.3) == []
    lines = field.hover(1, 0.6)
    assert lines[:3] == ["run 2, attempt 2 on GPU 1", "finished", "took 8 min 20 s"]
    assert lines[4:] == ["lr=0.1", "acc: 0.5"]


def test_a_running_attempt_lasts_until_the_page_was_made(show):
    field = Field(show(search(TWO_GPUS), draws=False))
    assert field.hover(0, 0.99)[:3] == ["run 3 on GPU 0", "running", "running for 10 min"]


def test_a_bar_opens_its_run(show):
    shown = show(search(TWO_GPUS), draws=False)
    Field(shown).click(0, 0.2)
    assert "run 1" in shown.page.locator("#panel").inner_text()


def test_the_share_of_idle_time_is_told_with_what_was_counted(show):
    use = {"search": 0, "kind": "slots", "slots": 2, "from": STARTED, "to": STARTED + 1000}
    use |= {"busy_s": 1500, "away_s": 200, "idle_s": 300}
    assert text_of(show(search(TWO_GPUS, use=[use], away=[[0, STARTED + 200, STARTED + 400]]), draws=False)) == (
        "2 slots were idle for 17% of the time from the first start to now "
        "(5 min of 30 min, all slots together; not counted: 3 min 20 s without a run or a controller)."
    )


def test_runs_that_filters_hide_are_faint(show):
    shown = show(search(TWO_GPUS), draws=False)
    field = Field(shown)
    before = field.colour(0, 0.2), field.colour(1, 0.8)
    shown.page.locator("#search").fill("lr=0.1")
    shown.settle()
    field = Field(shown)
    assert field.colour(0, 0.2) != before[0]
    assert field.colour(1, 0.8) == before[1]


def test_dragging_zooms_in_and_the_address_keeps_that(show):
    shown = show(search(TWO_GPUS), draws=False)
    field = Field(shown)
    field.drag(0.0, 0.2)
    assert field.hover(1, 0.9)[0] == "run 2, attempt 1 on GPU 1"
    shown.reload()
    field = Field(shown)
    assert field.hover(1, 0.9)[0] == "run 2, attempt 1 on GPU 1"
    shown.section("timeline").get_by_role("button", name="Show the whole time").click()
    shown.settle()
    assert field.hover(1, 0.9)[0] == "run 2, attempt 2 on GPU 1"


def test_buttons_zoom_around_the_middle(show):
    shown = show(search(TWO_GPUS), draws=False)
    field = Field(shown)
    shown.section("timeline").get_by_role("button", name="Zoom in").click()
    shown.settle()
    assert field.hover(1, 0.45) == []
    assert field.hover(1, 0.55)[0] == "run 2, attempt 2 on GPU 1"
    shown.section("timeline").get_by_role("button", name="Zoom out").click()
    shown.settle()
    assert field.hover(1, 0.45) == []
    assert field.hover(1, 0.1)[0] == "run 2, attempt 1 on GPU 1"


def test_the_wheel_zooms_with_control_and_moves_sideways(show):
    shown = show(search(TWO_GPUS), draws=False)
    field = Field(shown)
    assert field.hover(1, 0.99)[0] == "run 2, attempt 2 on GPU 1"
    shown.page.mouse.move(*field.at(1, 0.0))
    shown.page.keyboard.down("Control")
    for _ in range(8):
        shown.page.mouse.wheel(0, -100)
    shown.page.keyboard.up("Control")
    shown.page.wait_for_function("JSON.parse(decodeURIComponent(location.hash.slice(1))).kept.timeline?.window")
    shown.settle()
    assert field.hover(1, 0.99)[0] == "run 2, attempt 1 on GPU 1"
    shown.page.mouse.wheel(10_000, 0)
    shown.settle()
    assert field.hover(1, 0.98)[0] == "run 2, attempt 2 on GPU 1"


def test_waiting_jobs_are_counted_over_time_and_in_a_sentence(show):
    attempts: Attempts = [
        (0, 0, 0, 100, 200, FINISHED),
        (1, 0, 0, 200, 400, FINISHED),
        (2, None, 500, None, None, FINISHED),
    ]
    shown = show(search(attempts, slots=1, use=[{"search": 0, "kind": "jobs", "slots": 1}]), draws=False)
    assert text_of(shown) == (
        "3 jobs waited in a queue, half of them up to 3 min 20 s, the longest 8 min 20 s; "
        "that is 73% of the time from submission to end."
    )
    assert shown.page.locator("#timeline .waiting").is_visible()
    assert Field(shown).hover(0, 0.15)[2] == "waited 1 min 40 s, took 1 min 40 s"
    assert shown.page.locator("#timeline .legend").inner_text().split("\n") == ["finished", "waiting", "no run"]


def test_one_waiting_job_is_told_as_one(show):
    shown = show(search([(0, 0, 0, 300, 400, FINISHED)], slots=1), draws=False)
    assert text_of(shown) == "1 job waited in a queue for 5 min; that is 75% of the time from submission to end."


def test_nothing_is_said_of_queues_where_nothing_waited(show):
    shown = show(search(TWO_GPUS), draws=False)
    assert text_of(shown) == ""
    assert not shown.page.locator("#timeline .waiting").is_visible()


def test_a_long_time_without_a_controller_is_drawn_short(show):
    attempts: Attempts = [(0, 0, 0, 0, 500, FINISHED), (1, 0, 99_500, 99_500, 100_000, FINISHED)]
    shown = show(search(attempts, slots=1, away=[[0, STARTED + 500, STARTED + 99_500]], made_at=STARTED), draws=False)
    field = Field(shown)
    assert field.hover(0, 0.45)[0] == "run 1 on GPU 0"
    assert field.hover(0, 0.5) == []
    assert field.hover(0, 0.55)[0] == "run 2 on GPU 0"
    field.drag(0.6, 0.9)
    assert field.hover(0, 0.02)[0] == "run 2 on GPU 0"


def test_a_long_time_in_which_a_controller_waited_is_drawn_as_long_as_it_was(show):
    attempts: Attempts = [(0, 0, 0, 0, 500, FINISHED), (1, 0, 99_500, 99_500, 100_000, FINISHED)]
    field = Field(show(search(attempts, slots=1), draws=False))
    assert field.hover(0, 0.45) == field.hover(0, 0.55) == []


def test_a_clock_that_was_set_back_breaks_nothing(show):
    attempts: Attempts = [(0, 0, 0, 300, 100, FINISHED), (1, 1, 200, 50, 600, FINISHED)]
    field = Field(show(search(attempts), draws=False))
    assert field.hover(0, 0.5)[2] == "waited 5 min, took 0 s"
    assert field.hover(1, 0.3)[2] == "took 9 min 10 s"


def two_searches(start: float) -> dict[str, object]:
    """Return two searches of one run, 400 s long, the second begins this many seconds after the first."""
    content = search([(0, 0, 0, 0, 400, FINISHED), (1, 1, start, start, start + 400, FINISHED)])
    content["searches"] = [{**content["searches"][0], "name": name} for name in ("one", "two")]
    content["runs"]["search"] = [0, 1]
    return content | {"made_at": STARTED}


def test_searches_may_be_drawn_as_if_they_had_begun_together(show):
    shown = show(two_searches(1_600), draws=False)
    field = Field(shown)
    assert field.hover(1, 0.5) == []
    shown.section("timeline").get_by_role("button", name="Since each search began").click()
    shown.settle()
    assert field.hover(1, 0.5)[0] == "two: run 2 on GPU 1"


def test_searches_far_apart_are_drawn_by_the_clock_only_if_somebody_asks(show):
    shown = show(two_searches(50_000), draws=False)
    field = Field(shown)
    assert field.hover(1, 0.5)[0] == "two: run 2 on GPU 1"
    shown.section("timeline").get_by_role("button", name="By the clock").click()
    shown.reload()
    assert Field(shown).hover(1, 0.5) == []


def test_ten_thousand_attempts_in_two_hundred_slots_are_drawn(show):
    attempts: Attempts = [
        (run, run % 200, run // 200 * 100, run // 200 * 100, run // 200 * 100 + 90, FINISHED) for run in range(10_000)
    ]
    shown = show(search(attempts, slots=200), draws=False)
    field = Field(shown)
    assert field.hover(3, 0.509)[0] == "run 5004 on GPU 3"
    assert shown.page.locator("#timeline .field").evaluate("(field) => field.clientHeight < field.scrollHeight")


def test_a_narrow_screen_shows_all_of_it(show):
    shown = show(search(TWO_GPUS), draws=False, width=390)
    assert Field(shown).hover(0, 0.98)[0] == "run 3 on GPU 0"
    assert shown.run("document.documentElement.scrollWidth") == 390


@pytest.mark.parametrize("name", ["<b>GPU</b>", "node" * 40])
def test_names_of_slots_are_only_text(show, name):
    shown = show(search([(0, 0, 0, 0, 400, FINISHED)], slots=1) | {"slots": [name]}, draws=False)
    assert shown.section("timeline").locator(".labels div").all_inner_texts() == [name]
    assert Field(shown).hover(0, 0.5)[0] == f"run 1 on {name}"


def test_it_says_so_where_no_times_are_known(show):
    content = search(TWO_GPUS)
    content["attempts"] = {name: [] for name in content["attempts"]}
    section = show(content, draws=False).section("timeline")
    assert section.locator(".nothing").inner_text() == "The times of runs are not known."

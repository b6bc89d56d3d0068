"""The table that the benchmarks fill in."""

import json

from benchmarks.table import FORMS, HEADS, OURS, Row, markdown, write

ROW = Row(
    "a step",
    {
        OURS: [1.0, 2.0, 3.0],
        **{form: [9.0, 9.0, 9.0] for form in FORMS},
        "channels_last eager": [4.0, 2.0, 40.0],
    },
    first_s={OURS: 30.0, **dict.fromkeys(FORMS, 5.0)},
    peak_gb={OURS: 1.5, **dict.fromkeys(FORMS, 3.0)},
    limit_s=1.0,
)


def test_ours_stands_beside_the_form_of_the_smallest_median_round_by_round():
    cells = dict(zip(HEADS, ROW.cells(), strict=True))
    assert cells == {
        "what": "a step",
        "ours, s": "2 (1 to 3)",
        "peer, s": "4 (2 to 40), channels_last eager",
        "ratio": "0.25 (0.075 to 1)",
        "of the limit": "50%, 25%",
        "first, s": "30.0, 5.0",
        "memory, GB": "1.50, 3.00",
    }


def test_what_has_no_peer_leaves_cells_empty():
    cells = Row("--help", {OURS: [0.04]}).cells()
    assert cells == ["--help", "0.04 (0.04 to 0.04)", "", "", "", "", ""]


def test_one_of_several_programs_of_ours_can_be_chosen():
    others = {form: ROW.seconds[form] for form in FORMS}
    seconds = {"metrics": [1.0], "everything": [7.0], **others}
    first_s = dict.fromkeys(seconds, 5.0) | {"everything": 6.0}
    both = Row("both", seconds, first_s, first_s, limit_s=1.0)
    chosen = both.choose("all", "everything")
    assert chosen.seconds == {OURS: [7.0], **others}
    assert chosen.first_s[OURS] == chosen.peak_gb[OURS] == 6.0
    assert (chosen.what, chosen.limit_s) == ("all", 1.0)


def test_all_forms_and_figures_are_written(tmp_path):
    alone = Row("--help", {OURS: [0.04]})
    write(tmp_path / "new" / "table.md", {"device": "cpu"}, [ROW, alone])
    text = (tmp_path / "new" / "table.md").read_text()
    assert text == f"device cpu\n\n{markdown([ROW, alone])}"
    forms = text.splitlines()[-1]
    assert forms == f"| a step | {' | '.join(2 * ['9 (9 to 9)'])} | 4 (2 to 40) | " + (
        "9 (9 to 9) |"
    )
    found = json.loads((tmp_path / "new" / "table.json").read_text())
    assert found["machine"] == {"device": "cpu"}
    assert found["rows"][0]["seconds"]["channels_last eager"] == [4.0, 2.0, 40.0]

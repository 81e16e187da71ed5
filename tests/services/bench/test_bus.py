"""A short run of both clients and the whole robot on a real virtual bus."""

from services.bench.bus import BusSizes, run_bus


def test_every_client_reads_and_writes_all_servos(said):
    sizes = BusSizes(seconds=0.5, baud_rates=(1_000_000,), robots=("dclaw",))
    report = run_bus(sizes, said.append, quick=True)
    runs = {n: d for n, d in report.details.items() if n.startswith(("own", "SDK", "sdk", "robot"))}
    assert len(runs) == 6
    for name, run in runs.items():
        assert run["cycles"] > 5, name
        assert run["success_rate"] > 0.5, name
    rates = [figure for figure in report.figures if figure.name.startswith("rate, own, dclaw")]
    assert {figure.baseline_name for figure in rates} == {"limit of the wire", "SDK"}
    assert all(figure.goal is not None for figure in rates)

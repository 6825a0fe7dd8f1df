"""The simulation against cases solved by hand, and against what holds of every schedule."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from laddersmith.catalogue.engine import Cluster, Manager, Played, Task, critical_path_s, play

NOTHING = Manager()


def makespan(title: list[Task], nodes: int, cores: int = 1, manager: Manager = NOTHING) -> float:
    return play([[title]], Cluster(nodes, cores), manager).makespan_s


@st.composite
def titles(draw: st.DrawFn, cores: int = 4) -> list[Task]:
    """Up to 12 tasks, each waiting for any of those before it."""
    tasks: list[Task] = []
    for place in range(draw(st.integers(1, 12))):
        needs = draw(st.sets(st.integers(0, place - 1), max_size=3)) if place else set()
        seconds = draw(st.integers(0, 20))
        tasks.append(Task(seconds, draw(st.integers(1, cores)), draw(st.booleans()), tuple(sorted(needs))))
    return tasks


MANAGERS = st.builds(
    Manager,
    jobs=st.one_of(st.none(), st.integers(1, 5)),
    local_cores=st.integers(0, 2),
    plan_s=st.sampled_from([0.0, 0.5]),
    handle_s=st.sampled_from([0.0, 0.25]),
    submit_s=st.sampled_from([0.0, 1.0]),
    queue_s=st.sampled_from([0.0, 2.0]),
    start_s=st.sampled_from([0.0, 1.0]),
    ask_s=st.sampled_from([0.0, 3.0]),
)


@pytest.mark.parametrize(
    ("title", "nodes", "cores", "expected"),
    [
        ([], 1, 1, 0.0),
        ([Task(3)], 1, 1, 3),
        ([Task(3), Task(2), Task(4)], 1, 1, 9),
        ([Task(3), Task(2), Task(4)], 2, 1, 6),  # 3 | 2, then 4 beside the 3's end: 2 + 4
        ([Task(3), Task(2), Task(4)], 1, 2, 6),
        ([Task(3), Task(2), Task(4)], 3, 1, 4),
        ([Task(3), Task(2, needs=(0,)), Task(4, needs=(0, 1))], 9, 1, 9),
        # A fan of five on two nodes between two ends: 1 + (2 + 2 + 2) + 1.
        ([Task(1), *[Task(2, needs=(0,))] * 5, Task(1, needs=(1, 2, 3, 4, 5))], 2, 1, 8),
        # The wide task waits for both cores; the narrow one behind it fits beside the first and passes it.
        ([Task(4, 1), Task(3, 2), Task(2, 1)], 1, 2, 7),
        # More cores than a node has: all of them.
        ([Task(5, 8), Task(5, 8)], 1, 2, 10),
    ],
)
def test_cases_solved_by_hand(title, nodes, cores, expected):
    assert makespan(title, nodes, cores) == expected


@pytest.mark.parametrize(
    ("manager", "expected"),
    [
        # Two tasks of 10 s that wait for one another, on one node.
        (Manager(), 20),
        (Manager(plan_s=2), 24),  # two jobs are planned
        (Manager(start_s=1), 22),
        (Manager(queue_s=3), 26),
        (Manager(submit_s=2), 24),
        (Manager(handle_s=0.5), 21),
        # Begun at 0; asked at 7 (no), 7 + 17 (yes): again begun at 24; asked at 24 + 7 (no), 31 + 17.
        (Manager(ask_s=7), 48),
        (Manager(ask_s=7, ask_more_s=0), 28),  # asked at 7, 14 (yes), 21, 28
    ],
)
def test_what_managing_takes_is_added_where_it_falls(manager, expected):
    assert makespan([Task(10), Task(10, needs=(0,))], 1, 1, manager) == expected


def test_submissions_stand_in_line_and_slots_are_given_back():
    many = [Task(10)] * 4
    assert makespan(many, 4, 1, Manager(submit_s=1, submitters=1)) == 14  # the last is handed over at 4
    assert makespan(many, 4, 1, Manager(submit_s=1, submitters=2)) == 12
    assert makespan(many, 4, 1, Manager(jobs=2)) == 20  # two at a time
    assert makespan([Task(10, local=True)] * 4, 4, 1, Manager(local_cores=1)) == 40  # beside Snakemake
    assert makespan([Task(10, local=True)] * 4, 4, 1, Manager(local_cores=0)) == 10  # on the nodes


def test_a_local_job_starts_in_its_own_time_only_where_it_stays_local():
    title = [Task(10, local=True), Task(10, needs=(0,))]
    for cores, expected in ((1, 24), (0, 26)):  # 1 + 10 beside Snakemake or 3 + 10 on a node, then 3 + 10
        manager = Manager(start_s=3, local_start_s=1, local_cores=cores)
        assert makespan(title, 1, 1, manager) == critical_path_s(title, manager) == expected


def test_shards_follow_one_another_or_overlap():
    shard = [[Task(10)], [Task(2)]]
    one_by_one = play([shard, shard], Cluster(2, 1), NOTHING)
    assert (one_by_one.makespan_s, one_by_one.shards_s, one_by_one.jobs) == (20, [10, 20], 4)
    assert play([shard, shard], Cluster(2, 1), NOTHING, at_once=2).makespan_s == 12  # in line 10, 2, 10, 2


@given(titles(), st.integers(1, 6), MANAGERS)
def test_no_schedule_beats_its_longest_chain_or_its_work(title, nodes, manager):
    cluster = Cluster(nodes, 4)
    found = play([[title]], cluster, manager)
    on_nodes = [task for task in title if not (task.local and manager.local_cores)]
    work = sum(task.seconds * task.cores for task in on_nodes)
    assert found.makespan_s >= critical_path_s(title) - 1e-9
    assert found.makespan_s * nodes * 4 >= work - 1e-9
    assert found.work_core_s == work
    assert found.jobs == len(title)


@given(titles(), st.integers(1, 6))
def test_no_core_idles_while_a_job_waits(title, nodes):
    """Without overhead, jobs of one core: at most work / cores + the longest chain (Graham 1969)."""
    narrow = [Task(task.seconds, 1, False, task.needs) for task in title]
    work = sum(task.seconds for task in narrow)
    assert makespan(narrow, nodes) <= work / nodes + critical_path_s(narrow) + 1e-9


@settings(max_examples=40)
@given(st.lists(st.integers(1, 20), min_size=1, max_size=12), MANAGERS)
def test_more_nodes_never_slow_independent_jobs_down(seconds, manager):
    """Asked at even times. Asked ever less often while nothing is done, they can: 4, 1 and 9 s asked after 3 s and 10 s
    more each time are seen at 16 s on one node, and at 22 s on two."""
    manager = replace(manager, ask_more_s=0)
    title = [Task(each) for each in seconds]
    spans = [makespan(title, nodes, 1, manager) for nodes in range(1, 8)]
    assert spans == sorted(spans, reverse=True)


@given(titles(), st.integers(1, 6))
def test_the_same_again_gives_the_same(title, nodes):
    assert play([[title], [title]], Cluster(nodes, 4), NOTHING) == play([[title], [title]], Cluster(nodes, 4), NOTHING)


def test_enough_nodes_take_the_longest_chain():
    title = [Task(5), Task(3, needs=(0,)), Task(4, needs=(0,)), Task(1, needs=(1, 2))]
    assert makespan(title, 4) == critical_path_s(title) == 10
    assert critical_path_s(title, Manager(start_s=2)) == 16
    assert play([], Cluster(1, 1), NOTHING) == Played()

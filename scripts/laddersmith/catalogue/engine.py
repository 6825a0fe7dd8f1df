"""Playing jobs over a cluster: an event simulation of Snakemake, SLURM and the nodes.

A Snakemake ("lane") takes a shard: it plans it, then hands every job that is ready to SLURM, one after another, no more
than `Manager.jobs` at a time; a job waits in SLURM's queue until a node has its cores free, runs, and counts as done
when the Snakemake next asks. Jobs of local rules run beside the Snakemake. Jobs start in the order in which they came
to the queue, and a job that fits passes one that does not (backfill). Nothing is random in here.
"""

import heapq
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

ENDS, ARRIVES, ASKS, PLANNED, LOCAL = range(5)  # kinds of events, in the order in which they are taken at one moment


@dataclass(frozen=True)
class Task:
    """A job: seconds that it lasts on its cores, how many those are, whether it runs beside Snakemake, and the places
    in its title's list of those that it waits for."""

    seconds: float
    cores: int = 1
    local: bool = False
    needs: tuple[int, ...] = ()


@dataclass(frozen=True)
class Cluster:
    """So many nodes of so many cores."""

    nodes: int
    cores: int


@dataclass(frozen=True)
class Manager:
    """What managing the jobs takes; the defaults take nothing.

    Attributes
    ----------
    jobs : most jobs that a Snakemake has with SLURM at a time; None: any number.
    local_cores : cores beside a Snakemake, for the jobs of local rules; 0: they run on the nodes as all others.
    plan_s : seconds to plan a shard, for each of its jobs.
    handle_s : Snakemake's own seconds for each job, one job after another.
    submit_s : of one submission; `submitters` are under way at a time.
    queue_s : from a submission to the job's start on a node that is free.
    start_s : of a job on a node before its own work begins: SLURM's step, Snakemake's starts in it, Python's imports.
    local_start_s : of a job of a local rule beside a Snakemake: Python and what it imports.
    ask_s : seconds between two questions to SLURM about what became of the jobs; after a question that found none done
        it is `ask_more_s` longer, up to `ask_most_s`. 0: what is done is known at once.
    """

    jobs: int | None = None
    local_cores: int = 0
    plan_s: float = 0.0
    handle_s: float = 0.0
    submit_s: float = 0.0
    submitters: int = 2
    queue_s: float = 0.0
    start_s: float = 0.0
    local_start_s: float = 0.0
    ask_s: float = 0.0
    ask_more_s: float = 10.0
    ask_most_s: float = 180.0

    def stays(self, task: Task) -> bool:
        """Whether the task runs beside a Snakemake, not on the nodes."""
        return task.local and self.local_cores > 0

    def before_s(self, task: Task) -> float:
        """Seconds that the task takes before its own work."""
        return self.local_start_s if self.stays(task) else self.start_s


FREE = Manager()  # one that takes nothing


@dataclass
class Played:
    """What came of it.

    Attributes
    ----------
    makespan_s : from the beginning to the end of the last job. work_core_s : of all jobs on nodes, cores times seconds.
    jobs : played. shards_s : when each shard was done.
    """

    makespan_s: float = 0.0
    work_core_s: float = 0.0
    jobs: int = 0
    shards_s: list[float] = field(default_factory=list)


Titles = Sequence[Sequence[Task]]


def play(shards: Sequence[Titles], cluster: Cluster, manager: Manager, *, at_once: int = 1) -> Played:
    """Play all jobs of all shards, `at_once` shards at a time.

    Parameters
    ----------
    shards : of each its titles, of each its tasks, each after those that it needs. Cores beyond a node's are cut to it.
    """
    return _Play(shards, cluster, manager).run(at_once)


def critical_path_s(title: Sequence[Task], manager: Manager = FREE) -> float:
    """Seconds of the longest chain of tasks that wait for one another, with what each takes before its work."""
    ends: list[float] = []
    for task in title:
        ends.append(task.seconds + manager.before_s(task) + max((ends[place] for place in task.needs), default=0.0))
    return max(ends, default=0.0)


class _Lane:
    """A Snakemake at work on one shard. A job is (lane, title, place)."""

    def __init__(self, titles: Titles, later: list[list[list[int]]], manager: Manager, now: float) -> None:
        self.titles, self.later = titles, later
        self.left = sum(map(len, titles))
        self.open = [[len(task.needs) for task in title] for title in titles]
        self.ready: deque[tuple[int, int]] = deque()
        self.at_slurm = 0
        self.main_free = now
        self.submit_free = [now] * manager.submitters
        self.local_free = manager.local_cores
        self.local_ready: deque[tuple[int, int]] = deque()
        self.unseen: list[tuple[int, int]] = []
        self.interval = manager.ask_s
        self.asking = False


class _Play:
    def __init__(self, shards: Sequence[Titles], cluster: Cluster, manager: Manager) -> None:
        self.shards, self.cluster, self.manager = shards, cluster, manager
        self.events: list[tuple[float, int, int, int, int, int]] = []
        self.count = 0
        self.lanes: dict[int, _Lane] = {}
        self.found = Played(shards_s=[0.0] * len(shards))
        # Nodes by how many of their cores are free; dictionaries as sets that keep their order.
        self.nodes: list[dict[int, None]] = [{} for _ in range(cluster.cores)]
        self.nodes.append(dict.fromkeys(range(cluster.nodes)))
        self.free = [cluster.cores] * cluster.nodes
        self.queues: dict[int, deque[tuple[int, int, int, int]]] = {}
        self.on_node: dict[tuple[int, int, int], int] = {}
        self.dependents: dict[tuple[tuple[int, ...], ...], list[list[int]]] = {}

    def run(self, at_once: int) -> Played:
        waiting = iter(range(len(self.shards)))
        for _ in range(at_once):
            self._next_shard(waiting, 0.0)
        while self.events:
            now = self.events[0][0]
            touched: dict[int, None] = {}
            # All that happens at one moment is taken in before anything is begun.
            while self.events and self.events[0][0] == now:
                _, kind, _, lane, title, place = heapq.heappop(self.events)
                self._take(kind, lane, title, place, now)
                touched[lane] = None
            for lane in touched:
                self._hand_over(lane, now)
            self._start(now)
            for lane in [number for number in touched if not self.lanes[number].left]:
                self.found.shards_s[lane] = now
                self.found.makespan_s = max(self.found.makespan_s, now)
                del self.lanes[lane]
                self._next_shard(waiting, now)
        return self.found

    def _next_shard(self, waiting: Iterator[int], now: float) -> None:
        number = next(waiting, None)
        if number is None:
            return
        titles = self.shards[number]
        later = [self._later(tuple(task.needs for task in tasks)) for tasks in titles]
        lane = self.lanes[number] = _Lane(titles, later, self.manager, now)
        self._add(now + self.manager.plan_s * lane.left, PLANNED, number, 0, 0)

    def _add(self, time: float, kind: int, lane: int, title: int, place: int) -> None:
        self.count += 1
        heapq.heappush(self.events, (time, kind, self.count, lane, title, place))

    def _take(self, kind: int, number: int, title: int, place: int, now: float) -> None:
        lane = self.lanes[number]
        if kind == ENDS:
            self._let_go(number, title, place)
            lane.unseen.append((title, place))
            if not self.manager.ask_s:
                self._see(lane)
        elif kind == ARRIVES:
            cores = min(lane.titles[title][place].cores, self.cluster.cores)
            self.count += 1
            self.queues.setdefault(cores, deque()).append((self.count, number, title, place))
        elif kind == ASKS:
            lane.asking = False
            seen = bool(lane.unseen)
            self._see(lane)
            manager = self.manager
            lane.interval = manager.ask_s if seen else min(lane.interval + manager.ask_more_s, manager.ask_most_s)
            self._ask(number, now)
        elif kind == LOCAL:
            lane.local_free += 1
            self._done(lane, title, place)
        else:
            lane.main_free = now
            lane.submit_free = [now] * self.manager.submitters
            for at, tasks in enumerate(lane.titles):
                for spot, task in enumerate(tasks):
                    if not task.needs:
                        self._make_ready(lane, at, spot)

    def _see(self, lane: _Lane) -> None:
        for title, place in lane.unseen:
            lane.at_slurm -= 1
            self._done(lane, title, place)
        lane.unseen.clear()

    def _done(self, lane: _Lane, title: int, place: int) -> None:
        lane.left -= 1
        self.found.jobs += 1
        for later in lane.later[title][place]:
            lane.open[title][later] -= 1
            if not lane.open[title][later]:
                self._make_ready(lane, title, later)

    def _later(self, needs: tuple[tuple[int, ...], ...]) -> list[list[int]]:
        """Of each task of a title those that wait for it; titles of one shape share them."""
        if needs not in self.dependents:
            found: list[list[int]] = [[] for _ in needs]
            self.dependents[needs] = found
            for place, places in enumerate(needs):
                for need in places:
                    found[need].append(place)
        return self.dependents[needs]

    def _make_ready(self, lane: _Lane, title: int, place: int) -> None:
        local = self.manager.stays(lane.titles[title][place])
        (lane.local_ready if local else lane.ready).append((title, place))

    def _hand_over(self, number: int, now: float) -> None:
        """Begin local jobs and submit others, as far as they may."""
        lane, manager = self.lanes[number], self.manager
        while lane.local_ready and lane.local_free:
            title, place = lane.local_ready.popleft()
            lane.local_free -= 1
            begun = lane.main_free = max(lane.main_free, now) + manager.handle_s
            self._add(begun + manager.local_start_s + lane.titles[title][place].seconds, LOCAL, number, title, place)
        while lane.ready and (manager.jobs is None or lane.at_slurm < manager.jobs):
            title, place = lane.ready.popleft()
            lane.at_slurm += 1
            lane.main_free = max(lane.main_free, now) + manager.handle_s
            submitted = max(lane.main_free, heapq.heappop(lane.submit_free)) + manager.submit_s
            heapq.heappush(lane.submit_free, submitted)
            self._add(submitted + manager.queue_s, ARRIVES, number, title, place)
        self._ask(number, now)

    def _ask(self, number: int, now: float) -> None:
        lane = self.lanes[number]
        if self.manager.ask_s and lane.at_slurm and not lane.asking:
            lane.asking = True
            self._add(now + lane.interval, ASKS, number, 0, 0)

    def _start(self, now: float) -> None:
        """Put queued jobs on nodes: the first come of those that fit, on the fullest node that has room."""
        while True:
            best = room = None
            for cores, queue in self.queues.items():
                if queue and (best is None or queue[0][0] < self.queues[best][0][0]):
                    fits = self._room(cores)
                    best, room = (best, room) if fits is None else (cores, fits)
            if best is None or room is None:
                return
            _, number, title, place = self.queues[best].popleft()
            node, _ = self.nodes[room].popitem()
            self.free[node] -= best
            self.nodes[self.free[node]][node] = None
            self.on_node[number, title, place] = node
            task = self.lanes[number].titles[title][place]
            self.found.work_core_s += task.seconds * best
            self._add(now + self.manager.start_s + task.seconds, ENDS, number, title, place)

    def _room(self, cores: int) -> int | None:
        """The fewest free cores of a node that has as many; None where none has."""
        return next((free for free in range(cores, self.cluster.cores + 1) if self.nodes[free]), None)

    def _let_go(self, number: int, title: int, place: int) -> None:
        node = self.on_node.pop((number, title, place))
        task = self.lanes[number].titles[title][place]
        del self.nodes[self.free[node]][node]
        self.free[node] += min(task.cores, self.cluster.cores)
        self.nodes[self.free[node]][node] = None

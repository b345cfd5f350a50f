//! The plan, step by step: one who does what it says, with nodes that are up or down.

use super::*;

const SECOND: Duration = Duration::from_secs(1);
const STAGGER: Duration = Duration::from_secs(120);

fn url(name: &str) -> Url {
    format!("wss://{name}.reset.example.org/").parse().unwrap()
}

/// One who carries the plan out: a channel to a node that is up opens at once.
struct World {
    plan: Plan,
    up: Vec<Url>,
    now: Duration,
    seed: u64,
    /// Everything that was done, in words.
    done: Vec<String>,
    outages: Vec<Option<Duration>>,
}

impl World {
    fn new(names: &[&str], up: &[&str]) -> Self {
        let mut plan = Plan::new(url("home"), STAGGER);
        plan.name(&names.iter().copied().map(url).collect::<Vec<_>>());
        let up = up.iter().copied().map(url).collect();
        let (done, outages) = (Vec::new(), Vec::new());
        let mut world = Self { plan, up, now: 1_000 * SECOND, seed: 0, done, outages };
        world.settle();
        world
    }

    /// Does what is to be done now, until nothing is.
    fn settle(&mut self) {
        loop {
            self.seed += 1;
            let steps = self.plan.steps(self.now, self.seed);
            for step in &steps {
                match step {
                    Step::Open { id, node, outage } => {
                        self.done.push(format!("open {id} {}", short(node)));
                        self.outages.push(*outage);
                    }
                    Step::Close(id) => self.done.push(format!("close {id}")),
                }
            }
            let mut changed = !steps.is_empty();
            for one in self.plan.kept().to_vec() {
                let up = self.up.contains(&one.node);
                let standing = match one.standing {
                    Standing::Closed(_) if up => Standing::Open(self.now),
                    Standing::Open(_) if !up => Standing::Closed(self.now),
                    _ => continue,
                };
                self.plan.learn(one.id, standing);
                changed = true;
            }
            if !changed {
                return;
            }
        }
    }

    /// Lets time pass, and looks whenever the plan wants to.
    fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(next) = self.plan.next(self.now).filter(|next| *next <= end) {
            assert!(next > self.now, "it must not spin");
            self.now = next;
            self.settle();
            assert!(self.done.len() < 100, "{:?}", self.done);
        }
        self.now = end;
        self.settle();
    }

    fn name(&mut self, names: &[&str]) {
        self.plan.name(&names.iter().copied().map(url).collect::<Vec<_>>());
        self.settle();
    }

    fn are_up(&mut self, up: &[&str]) {
        self.up = up.iter().copied().map(url).collect();
        self.settle();
    }

    /// The nodes whose channels stand, the elder one first.
    fn standing(&self) -> Vec<String> {
        let mut ages: Vec<_> =
            self.plan.kept().iter().filter_map(|one| one.age(self.now)).collect();
        ages.sort_by_key(|(age, _)| std::cmp::Reverse(*age));
        ages.iter().map(|(_, node)| short(node)).collect()
    }

    fn ages(&self) -> Vec<Duration> {
        let mut ages: Vec<_> =
            self.plan.kept().iter().filter_map(|one| Some(one.age(self.now)?.0)).collect();
        ages.sort_unstable();
        ages
    }

    fn take(&mut self) -> Vec<String> {
        std::mem::take(&mut self.done)
    }
}

fn short(node: &Url) -> String {
    node.host_str().unwrap().split('.').next().unwrap().to_owned()
}

#[test]
fn without_nodes_there_is_one_channel_and_nothing_to_wait_for() {
    let mut world = World::new(&[], &["home"]);
    assert_eq!(world.take(), ["open 0 home"]);
    assert_eq!(world.plan.next(world.now), None);
    world.are_up(&[]);
    world.pass(1_000 * SECOND);
    assert_eq!(world.plan.next(world.now), None, "its listener comes back by itself");
    assert_eq!(world.take(), [""; 0]);
}

#[test]
fn the_second_channel_is_opened_a_stagger_after_the_first() {
    let mut world = World::new(&["a", "b"], &["a", "b"]);
    assert_eq!(world.standing().len(), 1);
    world.pass(STAGGER - SECOND);
    assert_eq!(world.standing().len(), 1);
    world.pass(SECOND);
    assert_eq!(world.standing().len(), 2);
    assert_eq!(world.ages(), [Duration::ZERO, STAGGER]);
    world.take();
    world.pass(100_000 * SECOND);
    assert_eq!(world.take(), [""; 0], "and from then on both stay");
}

#[test]
fn a_first_channel_that_does_not_come_about_holds_the_second_up_for_ten_seconds_only() {
    let mut world = World::new(&["a", "b"], &[]);
    let done = world.take();
    let [first] = &done[..] else { panic!("one at first") };
    let other = if first.ends_with('a') { "b" } else { "a" };
    world.are_up(&[other]);
    world.pass(PATIENCE);
    assert_eq!(world.take(), [format!("open 1 {other}")]);
    assert_eq!(world.standing(), [other]);
}

#[test]
fn channels_that_came_back_together_are_staggered_again_without_a_gap() {
    let mut world = World::new(&["a", "b"], &["a", "b"]);
    world.pass(2 * STAGGER);
    world.are_up(&[]);
    world.pass(30 * SECOND);
    world.are_up(&["a"]);
    world.pass(3 * SECOND);
    world.are_up(&["a", "b"]);
    assert_eq!(world.ages(), [Duration::ZERO, 3 * SECOND]);
    world.take();
    world.pass(STAGGER - SECOND);
    assert_eq!(world.take(), [""; 0]);
    world.pass(SECOND);
    assert_eq!(world.take(), ["open 2 b"], "the younger one, and its old channel still stands");
    assert_eq!(world.standing().len(), 3);
    world.pass(SETTLED);
    assert_eq!(world.take().len(), 1, "until the new one has settled");
    assert_eq!(world.ages(), [SETTLED, SETTLED + STAGGER + 3 * SECOND]);
    assert_eq!(world.standing(), ["a", "b"]);
    world.take();
    world.pass(100_000 * SECOND);
    assert_eq!(world.take(), [""; 0]);
}

#[test]
fn a_node_that_stays_down_is_left_for_a_third_one_and_its_delays_go_on_there() {
    let mut world = World::new(&["a", "b"], &["a", "b"]);
    world.pass(2 * STAGGER);
    world.name(&["a", "b", "c"]);
    world.take();
    world.outages.clear();
    world.are_up(&["b", "c"]);
    let lost_at = world.now;
    world.pass(ELSEWHERE - SECOND);
    assert_eq!(world.take(), [""; 0]);
    assert_eq!(world.standing(), ["b"]);
    world.pass(SECOND);
    assert_eq!(world.take().len(), 2, "one opened, the other one closed");
    assert_eq!(world.outages, [Some(lost_at)]);
    assert_eq!(world.standing(), ["b", "c"]);
}

#[test]
fn with_two_nodes_one_that_is_down_is_waited_for() {
    let mut world = World::new(&["a", "b"], &["a", "b"]);
    world.pass(2 * STAGGER);
    world.take();
    world.are_up(&["b"]);
    world.pass(10_000 * SECOND);
    assert_eq!((world.standing(), world.take()), (vec!["b".to_owned()], vec![]));
    world.are_up(&["a", "b"]);
    assert_eq!((world.standing(), world.take()), (vec!["b".to_owned(), "a".to_owned()], vec![]));
}

#[test]
fn other_nodes_take_over_one_after_the_other_and_there_are_always_two() {
    let mut world = World::new(&["a", "b"], &["a", "b", "c", "d"]);
    world.pass(2 * STAGGER);
    world.take();
    world.name(&["c", "d"]);
    assert_eq!(world.standing().len(), 3, "the new one stands");
    world.pass(SETTLED);
    assert_eq!(world.standing().len(), 2, "and then one is closed");
    world.pass(STAGGER);
    world.pass(SETTLED);
    let mut standing = world.standing();
    standing.sort_unstable();
    assert_eq!(standing, ["c", "d"]);
    assert_eq!(world.take().len(), 4);
}

#[test]
fn one_node_left_keeps_one_channel() {
    let mut world = World::new(&["a", "b"], &["a", "b"]);
    world.pass(2 * STAGGER);
    world.name(&["b"]);
    assert_eq!(world.standing(), ["b"]);
    assert_eq!(world.plan.next(world.now), None);
}

#[test]
fn the_last_node_is_not_left_before_the_new_one_stands() {
    let mut world = World::new(&["a"], &["a"]);
    world.name(&["b"]);
    world.pass(1_000 * SECOND);
    assert_eq!(world.standing(), ["a"]);
    world.are_up(&["a", "b"]);
    world.pass(SETTLED);
    assert_eq!(world.standing(), ["b"]);
}

#[test]
fn home_is_kept_until_nodes_stand_and_tried_again_while_none_does() {
    let mut world = World::new(&[], &["home"]);
    world.name(&["a", "b"]);
    world.pass(1_000 * SECOND);
    assert_eq!(world.standing(), ["home"], "names that lead nowhere");
    world.are_up(&["home", "a", "b"]);
    world.pass(2 * STAGGER);
    let mut standing = world.standing();
    standing.sort_unstable();
    assert_eq!(standing, ["a", "b"]);
    world.take();
    world.are_up(&["home"]);
    world.pass(HOME);
    assert_eq!(
        (world.standing(), world.take()),
        (vec!["home".to_owned()], vec!["open 4 home".to_owned()])
    );
    world.are_up(&[]);
    world.pass(1_000 * SECOND);
    assert_eq!(world.take(), [""; 0], "it goes on trying");
    world.are_up(&["a", "b"]);
    assert_eq!(world.take().len(), 1, "until a node stands");
}

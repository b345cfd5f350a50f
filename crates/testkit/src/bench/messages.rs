//! The bench `messages`: how many messages there are and how large they are (SPEC PR-7), read from
//! what really stands on the agent's connections.
//!
//! A message is one relay request, one relay answer, or one HTTPS request of the agent about
//! enabling, disabling or health, by its body. What stands around it, and what is no message, is
//! shown apart.

mod tap;
mod wire;

use std::sync::Arc;
use std::thread;
use std::time::Duration;

use futures_util::future::BoxFuture;
use protocol::settlement::{TARGET_SETTLE, TARGET_WRITEBACK};
use tokio::runtime::Builder;

use self::tap::Heard;
use self::wire::{CHANNEL, Exchange, Size};
use super::crowd::Crowd;
use super::in_process::{Running, agent_at, unusable};
use super::report::{Report, Table};
use super::statistics::Draw;
use super::submission::Visit;
use super::{Controller, Run, Wishes};
use crate::visitor::trusting;
use crate::{Options, Stack, StackError};

/// How many ordinary resets the messages per reset are counted over.
const RESETS: usize = 10;
/// A password that needs the larger plaintext area: 256 UTF-16 code units (SPEC K-1).
const LONGEST: usize = 256;
/// How long an operation in doubt may take to be settled.
const SETTLED: Duration = Duration::from_secs(30);
/// Pings come once a second here, so that some are seen.
const PINGS: Duration = Duration::from_millis(2_500);
/// Who says nothing for so long has said everything.
const QUIET: Duration = Duration::from_secs(2);
/// The largest package with each plaintext area (SPEC K-1), and the largest message (SPEC PR-7).
const PACKAGE_384_MAX: f64 = 1_000.0;
const PACKAGE_1152_MAX: f64 = 1_800.0;
const MESSAGE_MAX: f64 = 2_048.0;

/// Tells of nothing but the step after which an answer is about to leave.
struct CutBeforeAnswer {
    heard: Heard,
    armed: Arc<std::sync::atomic::AtomicBool>,
}

impl agent::steps::StepWatch for CutBeforeAnswer {
    fn reached(&self, step: agent::steps::Step) -> BoxFuture<'_, ()> {
        // A change is told before it is written down.
        let applied = step == agent::steps::Step::Applied;
        if applied && self.armed.swap(false, std::sync::atomic::Ordering::SeqCst) {
            self.heard.cut_the_channel();
        }
        Box::pin(std::future::ready(()))
    }
}

/// Measures.
pub(super) fn run(wishes: &Wishes, run: &Run<'_>) -> Result<Report, StackError> {
    let lab = run.lab(Controller::Plain)?;
    let mut draw = Draw::new(wishes.seed);
    let crowd = Draw::new(draw.next());
    let mut crowd = Crowd::make(lab.forest(), RESETS + 2, crowd, run.say)?;
    run.step("cloud service and agent start, and everybody is synchronised")?;
    let mut stack = Stack::start(lab.forest(), options())?;
    stack.terminate("agent")?;

    run.step("writeback is disabled and enabled, and passwords are reset")?;
    let (heard, armed) = (Heard::default(), Arc::default());
    let watch = CutBeforeAnswer { heard: heard.clone(), armed: Arc::clone(&armed) };
    let config = stack.config("agent")?;
    let (settings, surroundings) =
        agent_at(&config, Arc::new(watch), |transport| heard.through(transport))?;
    let runtime = Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| unusable(&error))?;
    runtime.block_on(async {
        let refused = |error: agent::EnrolError| unusable(&error);
        agent::disable(&settings, &surroundings).await.map_err(refused)?;
        agent::enable(&settings, &surroundings).await.map_err(refused)
    })?;
    let agent = Running::agent(settings, surroundings)?;
    stack.await_step("start", None)?;

    let before = quiet(&heard)?;
    for _ in 0..RESETS {
        reset(&stack, &mut crowd, None)?;
    }
    let after = count(&heard)?;
    reset(&stack, &mut crowd, Some(LONGEST))?;
    armed.store(true, std::sync::atomic::Ordering::SeqCst);
    in_doubt(&stack, &mut crowd)?;
    thread::sleep(PINGS);
    drop(agent);

    let mut report = Report::new("messages");
    report.note("Bytes of what the agent says and hears, before TLS (SPEC PR-7).".to_owned());
    report.note(super::conditions());
    #[expect(clippy::cast_precision_loss, reason = "a few dozen")]
    let per_reset = (after - before) as f64 / RESETS as f64;
    report.figure("messages_per_reset".to_owned(), per_reset);
    tell(&mut report, &heard)?;
    Ok(report)
}

fn options() -> Options {
    Options {
        cloud: "[agents]\nheartbeat_fresh_seconds = 660\n[relay]\nping_seconds = 1\n\
                [flow]\nwait_for_answer_seconds = 1\n"
            .to_owned(),
        agent: "[heartbeat]\ninterval_seconds = 300\nprobe_seconds = 30\n".to_owned(),
        ..Options::default()
    }
}

/// One reset; with a password of so many characters, if that is wanted.
fn reset(stack: &Stack, crowd: &mut Crowd, length: Option<usize>) -> Result<(), StackError> {
    let trust = Arc::new(trusting(&stack.ca_file())?);
    let (person, mut password) = crowd.next()?;
    if let Some(length) = length {
        password.push_str(&"x".repeat(length.saturating_sub(password.len())));
    }
    let (_, visit) = Visit::begin(stack, &trust, &person)?.seal(&password)?.send()?;
    visit.await_notice(stack)
}

/// One whose answer is lost, until it is settled.
fn in_doubt(stack: &Stack, crowd: &mut Crowd) -> Result<(), StackError> {
    let (person, password) = crowd.next()?;
    let mut visitor = stack.visitor()?;
    let (outbox, before) = (stack.outbox(), stack.outbox().mark());
    visitor.start(&stack.login(&person))?;
    visitor.code(&outbox.await_code(&before, &person.private_mail)?)?;
    visitor.password(&password)?;
    let page = visitor.settled(SETTLED)?;
    if page.changed == "yes" {
        return Ok(());
    }
    let what = format!("a lost answer was settled as changed={:?}", page.changed);
    Err(StackError::NotUnderstood(what))
}

fn exchanges(heard: &Heard) -> Result<Vec<Exchange>, StackError> {
    Ok(heard.conversations()?.into_iter().flat_map(|one| one.exchanges).collect())
}

/// How many messages there were so far.
fn count(heard: &Heard) -> Result<usize, StackError> {
    Ok(exchanges(heard)?.iter().map(messages_in).sum())
}

/// The same, once the agent has nothing more to say about its start: a new channel is followed by a
/// heartbeat of its own.
fn quiet(heard: &Heard) -> Result<usize, StackError> {
    let mut last = count(heard)?;
    loop {
        thread::sleep(QUIET);
        let now = count(heard)?;
        if now == last {
            return Ok(now);
        }
        last = now;
    }
}

/// Both halves of a relay exchange, and the requests that [`HTTPS`] lists.
fn messages_in(exchange: &Exchange) -> usize {
    if exchange.relayed {
        return 1 + usize::from(exchange.answered.is_some());
    }
    usize::from(HTTPS.iter().any(|(target, _)| exchange.target == *target))
}

/// The agent's requests that are messages, and what each is for, in order.
const HTTPS: &[(&str, &[&str])] = &[
    ("/agent/v1/offboarding", &["offboarding_stop", "offboarding_destroyed"]),
    ("/agent/v1/onboarding", &["onboarding_offer", "onboarding_confirm"]),
    ("/agent/v1/heartbeat", &["heartbeat"]),
];

fn tell(report: &mut Report, heard: &Heard) -> Result<(), StackError> {
    let conversations = heard.conversations()?;
    let all = exchanges(heard)?;
    let of = |target: &str| all.iter().filter(|one| one.target == target).collect::<Vec<_>>();
    let mut table = Table::new(["message", "body", "framing", "answer's body", "its framing"]);
    for (target, steps) in HTTPS {
        let found = of(target);
        if steps.len() > 1 {
            let name = target.rsplit('/').next().unwrap_or(target);
            figure(report, format!("{name}_messages"), found.len());
        }
        for (step, exchange) in steps.iter().zip(required(found, steps.len(), target)?) {
            row(report, &mut table, step, exchange);
        }
    }
    // Ten short ones, a long one, and the one whose answer was lost.
    let resets = required(of(TARGET_WRITEBACK), RESETS + 2, TARGET_WRITEBACK)?;
    row(report, &mut table, "package_384", resets[0]);
    row(report, &mut table, "package_1152", resets[RESETS]);
    figure(report, "bytes_per_reset_with_framing".to_owned(), whole(resets[0]));
    let answered = |one: &&Exchange| one.answered.is_some_and(|answer| answer.body > 0);
    let settled: Vec<_> = of(TARGET_SETTLE).into_iter().filter(answered).collect();
    row(report, &mut table, "settlement", required(settled, 1, TARGET_SETTLE)?[0]);
    let messages = all.iter().filter(|one| messages_in(one) > 0);
    let bodies = messages.flat_map(|one| [one.asked.body, one.answered.map_or(0, |it| it.body)]);
    figure(report, "largest_body_bytes".to_owned(), bodies.max().unwrap_or(0));
    report.table(table);

    let mut table = Table::new(["no messages", "how many", "bytes, both ways"]);
    let total = |some: &[&Exchange]| some.iter().map(|one| whole(one)).sum::<usize>();
    let channels = of(CHANNEL);
    let pings: Vec<usize> = conversations.iter().flat_map(|one| one.pings.clone()).collect();
    let scim: Vec<_> = all.iter().filter(|one| one.target.starts_with("/scim/")).collect();
    for (name, many, bytes) in [
        ("channel_opening", channels.len(), total(&channels)),
        ("ping_or_pong", pings.len(), pings.iter().sum()),
        ("synchronisation", scim.len(), total(&scim)),
    ] {
        figure(report, format!("{name}_count"), many);
        figure(report, format!("{name}_bytes_each"), bytes / many.max(1));
        table.row([name.to_owned(), many.to_string(), bytes.to_string()]);
    }
    report.table(table);
    judge(report)
}

/// What PR-7 promises about sizes and counts.
fn judge(report: &mut Report) -> Result<(), StackError> {
    for (name, least, most) in [
        ("messages_per_reset", 2.0, 2.0),
        ("onboarding_messages", 2.0, 2.0),
        ("offboarding_messages", 2.0, 2.0),
        ("package_384_bytes", 1.0, PACKAGE_384_MAX),
        ("package_1152_bytes", 1.0, PACKAGE_1152_MAX),
        ("largest_body_bytes", 1.0, MESSAGE_MAX),
    ] {
        let found = report.value(name).unwrap_or(f64::NAN);
        if !(least..=most).contains(&found) {
            let what = format!("{name} is {found}, not {least} to {most} (SPEC PR-7, K-1)");
            return Err(StackError::NotProven(what));
        }
    }
    Ok(())
}

fn row(report: &mut Report, table: &mut Table, name: &str, exchange: &Exchange) {
    let Size { body, framing } = exchange.asked;
    let answer = exchange.answered.unwrap_or_default();
    for (figure_name, bytes) in [
        (format!("{name}_bytes"), body),
        (format!("{name}_framing_bytes"), framing),
        (format!("{name}_answer_bytes"), answer.body),
        (format!("{name}_answer_framing_bytes"), answer.framing),
    ] {
        figure(report, figure_name, bytes);
    }
    let cells = [body, framing, answer.body, answer.framing];
    table.row(std::iter::once(name.to_owned()).chain(cells.map(|bytes| bytes.to_string())));
}

#[expect(clippy::cast_precision_loss, reason = "bytes of one bench, far below 2^52")]
fn figure(report: &mut Report, name: String, value: usize) {
    report.figure(name, value as f64);
}

fn whole(exchange: &Exchange) -> usize {
    let answer = exchange.answered.unwrap_or_default();
    exchange.asked.body + exchange.asked.framing + answer.body + answer.framing
}

fn required<'a>(
    found: Vec<&'a Exchange>,
    count: usize,
    target: &str,
) -> Result<Vec<&'a Exchange>, StackError> {
    if found.len() >= count {
        return Ok(found);
    }
    let what = format!("{} of {count} exchanges with {target} were heard", found.len());
    Err(StackError::NotUnderstood(what))
}

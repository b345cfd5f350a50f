//! The demo: an Active Directory, real or embedded, the cloud service and the agent on this machine,
//! one reset from beginning to end, and its proof.

mod by_hand;
mod ground;
mod proof;
mod screen;

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use lab::Kind;

use crate::{Mark, Options, Outbox, Page, Stack, StackError, Visitor};
use ground::Ground;
use proof::Prover;
use screen::Screen;

pub use ground::Wanted;

/// The port of the cloud service, if it is free: one that can be kept in mind.
const PORT: u16 = 8443;
/// How often a demo that stays looks whether it should end.
const BEAT: Duration = Duration::from_millis(100);
/// What the demo chooses for its person; it says so at the end.
const NEW_PASSWORD: &str = "Meadow-Lantern-2025";

/// What the demo was asked for.
#[derive(Debug)]
pub struct Wishes {
    /// Leave after the proof.
    pub once: bool,
    /// Where to describe what runs.
    pub ready_file: Option<PathBuf>,
    /// On which directory.
    pub directory: Wanted,
}

/// Shows it all; stays until `stop` unless it is wanted once only.
///
/// # Errors
///
/// The first thing that does not work or is not as it must be; nothing is left running.
pub fn run(wishes: &Wishes, stop: &AtomicBool) -> Result<(), StackError> {
    let shown = show(wishes, stop);
    // Ctrl-C reaches programs that a step waits for, too: their end is not what went wrong.
    if shown.is_err() && stop.load(Ordering::SeqCst) { Err(StackError::Interrupted) } else { shown }
}

fn show(wishes: &Wishes, stop: &AtomicBool) -> Result<(), StackError> {
    // What an earlier demo left there describes nothing that runs.
    if let Some(file) = &wishes.ready_file {
        remove(file)?;
    }
    let screen = Screen::new(stop);
    let mut ground = Ground::start(wishes.directory, &screen, stop)?;
    let mut stack = start(&ground, &screen, stop)?;
    reset(&mut stack, &screen)?;
    if let Some(file) = &wishes.ready_file {
        stack.ready()?.save(file)?;
    }
    if wishes.once {
        screen.line("Done: the directory has the new password, and only that one.");
    } else {
        by_hand::explain(&screen, &stack, ground.name());
        stay(&mut ground, &mut stack, &screen, stop)?;
        if let Some(file) = &wishes.ready_file {
            remove(file)?;
        }
    }
    screen.ending("Stopping everything", || {
        stack.stop();
        drop(stack);
        drop(ground);
    });
    Ok(())
}

fn start(ground: &Ground, screen: &Screen<'_>, stop: &AtomicBool) -> Result<Stack, StackError> {
    let options = Options {
        slug: "tulip".to_owned(),
        name: "Tulip Works".to_owned(),
        port: Some(PORT),
        // People who are changed in the directory by hand are seen soon.
        agent: "[sync]\ninterval_seconds = 30\n".to_owned(),
        mail: ground.mail(),
        ..Options::default()
    };
    let mut stack = Stack::lay_out(ground.forest(), options)?;
    let stop = Some(stop);
    screen.step("Starting the mail server", |_| stack.start_mail(stop))?;
    screen.step("Starting the cloud service", |_| stack.start_cloud(stop))?;
    screen.step("Enrolling the agent, enabling writeback", |_| stack.enrol_agent())?;
    screen.step("Synchronising the directory's people", |_| stack.synchronise())?;
    screen.step("Starting the agent", |_| stack.start_agent(stop))?;
    Ok(stack)
}

/// One reset as a browser makes it, between two proofs.
fn reset(stack: &mut Stack, screen: &Screen<'_>) -> Result<(), StackError> {
    let person = stack.forest().person_of(Kind::Ordinary).cloned();
    let person = person.ok_or_else(|| not_proven("there is nobody in the directory"))?;
    let login = stack.login(&person);
    let prover = Prover::present();
    let proves = |stack: &Stack, password: &str, wanted: bool| {
        let which = if password == NEW_PASSWORD { "new" } else { "old" };
        let end = if wanted { "accepted" } else { "refused" };
        let step = format!("{} signs in, {which} password: {end}", prover.name());
        screen.step(&step, |_| match prover.accepted(stack.forest(), &login, password)? {
            accepted if accepted == wanted => Ok(()),
            _ => Err(not_proven(&format!("the {which} password of {login} is not {end}"))),
        })
    };
    proves(stack, &person.password, true)?;
    let mut visitor = stack.visitor()?;
    let outbox = stack.outbox();
    let mark = outbox.mark();
    screen.step(&format!("{login} asks for a reset"), |_| {
        expect_step(&visitor.start(&login)?, "code")
    })?;
    screen.step("The code comes by mail, and is entered", |_| {
        enter_code(&mut visitor, &outbox, &mark, &person.private_mail)
    })?;
    screen.step("The browser seals a new password, the agent sets it", |_| {
        expect_changed(&visitor.password(NEW_PASSWORD)?)
    })?;
    proves(stack, &person.password, false)?;
    proves(stack, NEW_PASSWORD, true)?;
    stack.note_password(&person.login, NEW_PASSWORD);
    Ok(())
}

fn enter_code(
    visitor: &mut Visitor,
    outbox: &Outbox,
    mark: &Mark,
    address: &str,
) -> Result<(), StackError> {
    let code = outbox.await_code(mark, address)?;
    expect_step(&visitor.code(&code)?, "password")
}

fn expect_step(page: &Page, step: &str) -> Result<(), StackError> {
    if page.step == step { Ok(()) } else { Err(unexpected(page)) }
}

fn expect_changed(page: &Page) -> Result<(), StackError> {
    let changed = page.outcome == "password_changed" && page.changed == "yes";
    if changed { Ok(()) } else { Err(unexpected(page)) }
}

fn unexpected(page: &Page) -> StackError {
    let Page { step, outcome, text, .. } = page;
    not_proven(&format!("the page is at `{step}` with outcome `{outcome}`: {text}"))
}

fn not_proven(what: &str) -> StackError {
    StackError::NotProven(what.to_owned())
}

/// Waits for Ctrl-C. Somebody may kill a process and start it again: that is for trying; only
/// the directory's end is the demo's.
fn stay(
    ground: &mut Ground,
    stack: &mut Stack,
    screen: &Screen<'_>,
    stop: &AtomicBool,
) -> Result<(), StackError> {
    let mut told = Vec::new();
    while !stop.load(Ordering::SeqCst) {
        ground.check()?;
        for name in stack.ended() {
            if !told.contains(&name) {
                screen.line(&format!("The process `{name}` has ended."));
                told.push(name);
            }
        }
        thread::sleep(BEAT);
    }
    Ok(())
}

fn remove(file: &std::path::Path) -> Result<(), StackError> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(StackError::io("removing", file)(error))
        }
        _ => Ok(()),
    }
}

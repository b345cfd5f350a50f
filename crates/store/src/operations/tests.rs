use std::time::Duration;

use protocol::{Operation, TenantId};
use sqlx::Row as _;

use super::*;
use crate::flows::Flow;
use crate::tenants::Tenant;
use crate::testing::{Counting, NOW, Temporary};

const TENANT: TenantId = TenantId::from_bytes([1; 16]);
const FLOW: FlowId = FlowId::from_bytes([9; 16]);

async fn world() -> Temporary {
    let world = Temporary::new().await;
    let of = Tenant { id: TENANT, slug: "t".into(), name: "T".into() };
    world.store.create_tenant(&of, NOW).await.unwrap();
    visit(&world, FLOW, NOW).await;
    world
}

/// The person comes.
async fn visit(world: &Temporary, id: FlowId, at: Timestamp) {
    let flow = Flow {
        id,
        tenant: TENANT,
        person: Some("p".parse().unwrap()),
        name: [0; 32],
        locale: "en".into(),
        expires_at: at.after(Duration::from_secs(900)),
        ended: false,
    };
    world.store.open_flow(&flow, &id.to_bytes(), at).await.unwrap();
}

async fn ticket(world: &Temporary, random: &Counting) -> RequestId {
    ticket_of(world, random, (FLOW, Operation::Reset), NOW).await
}

async fn ticket_of(
    world: &Temporary,
    random: &Counting,
    (flow, operation): (FlowId, Operation),
    issued_at: Timestamp,
) -> RequestId {
    let request = RequestId::random(random);
    let record = OperationRecord {
        request,
        tenant: TENANT,
        flow,
        person: "p".parse().unwrap(),
        operation,
        state: State::Ticketed,
        issued_at,
        expires_at: issued_at.after(Duration::from_secs(180)),
        agent: None,
        result: None,
    };
    world.store.issue_ticket(&record, &[]).await.unwrap();
    request
}

async fn submit(world: &Temporary, request: RequestId, flow: FlowId, at: Timestamp) -> Submitted {
    world.store.submit_operation(request, flow, None, &Event::default(), at).await.unwrap()
}

/// An operation that was submitted ends so.
async fn ends(world: &Temporary, request: RequestId, outcome: Outcome, at: Timestamp) {
    world.store.mark_sent(request, AgentId::from_bytes([5; 16]), at).await.unwrap();
    let ended = world.store.mark_answered(request, &answer(outcome), &ended(), at).await;
    assert!(ended.unwrap());
}

fn answer(outcome: Outcome) -> Answer {
    Answer { outcome, details: Details::default(), finished_at: NOW }
}

/// What the trail says of an end.
fn ended() -> Event {
    Event { name: "operation.ended".to_owned(), ..Event::default() }
}

#[tokio::test]
async fn an_end_and_what_the_trail_says_of_it_happen_both_or_neither() {
    let world = world().await;
    let (store, request) = (&world.store, ticket(&world, &Counting::default()).await);
    let agent = AgentId::from_bytes([5; 16]);
    store.submit_operation(request, FLOW, None, &Event::default(), NOW).await.unwrap();
    let result = answer(Outcome::PolicyHistory);
    let said = || async { store.audit_trail().await.unwrap().0.len() };
    assert!(!store.mark_answered(request, &result, &ended(), NOW).await.unwrap());
    assert_eq!(said().await, 1, "what did not happen is not in the trail");
    store.mark_sent(request, agent, NOW).await.unwrap();
    sqlx::query("ALTER TABLE audit RENAME TO gone").execute(&store.pool).await.unwrap();
    assert!(store.mark_unknown(request, &ended(), NOW).await.is_err());
    assert!(store.mark_answered(request, &result, &ended(), NOW).await.is_err());
    let state = store.operation(request).await.unwrap().unwrap().state;
    assert_eq!(state, State::Sent, "what the trail does not take did not happen");
    sqlx::query("ALTER TABLE gone RENAME TO audit").execute(&store.pool).await.unwrap();
    assert!(store.mark_answered(request, &result, &ended(), NOW).await.unwrap());
    assert_eq!(said().await, 2);
}

#[tokio::test]
async fn a_ticket_is_used_once_and_only_in_its_own_flow() {
    let world = world().await;
    let request = ticket(&world, &Counting::default()).await;
    let store = &world.store;
    let other = FlowId::from_bytes([8; 16]);
    let submit = |flow| async move {
        store.submit_operation(request, flow, None, &Event::default(), NOW).await.unwrap()
    };
    assert_eq!(submit(other).await, Submitted::TicketVoid);
    assert_eq!(submit(FLOW).await, Submitted::Accepted);
    assert_eq!(submit(FLOW).await, Submitted::TicketVoid);
}

#[tokio::test]
async fn of_one_ticket_that_is_submitted_by_64_at_once_one_is_taken() {
    let world = world().await;
    let request = ticket(&world, &Counting::default()).await;
    let mut all = tokio::task::JoinSet::new();
    for _ in 0..64 {
        let store = world.store.clone();
        all.spawn(async move {
            store.submit_operation(request, FLOW, None, &Event::default(), NOW).await.unwrap()
        });
    }
    let told = all.join_all().await;
    let taken = told.iter().filter(|one| **one == Submitted::Accepted).count();
    assert_eq!(taken, 1, "{told:?}");
    assert!(told.iter().all(|one| matches!(one, Submitted::Accepted | Submitted::TicketVoid)));
    assert_eq!(world.store.audit_trail().await.unwrap().0.len(), 1, "the trail says it once");
}

#[tokio::test]
async fn a_ticket_of_an_ended_flow_or_past_its_time_is_void() {
    let world = world().await;
    let random = Counting::default();
    let (one, two) = (ticket(&world, &random).await, ticket(&world, &random).await);
    let late = NOW.after(Duration::from_secs(180));
    let store = &world.store;
    let submitted = store.submit_operation(one, FLOW, None, &Event::default(), late).await.unwrap();
    assert_eq!(submitted, Submitted::TicketVoid);
    let three = ticket(&world, &random).await;
    store.submit_operation(two, FLOW, None, &Event::default(), NOW).await.unwrap();
    store.mark_sent(two, AgentId::from_bytes([5; 16]), NOW).await.unwrap();
    store.mark_answered(two, &answer(Outcome::PasswordChanged), &ended(), NOW).await.unwrap();
    assert_eq!(
        store.submit_operation(three, FLOW, None, &Event::default(), NOW).await.unwrap(),
        Submitted::TicketVoid
    );
}

#[tokio::test]
async fn a_person_has_one_operation_in_flight() {
    let world = world().await;
    let random = Counting::default();
    let mut tickets = Vec::new();
    for _ in 0..16 {
        tickets.push(ticket(&world, &random).await);
    }
    let tries = tickets.iter().map(|request| {
        let (store, request) = (world.store.clone(), *request);
        tokio::spawn(async move {
            store.submit_operation(request, FLOW, None, &Event::default(), NOW).await.unwrap()
        })
    });
    let mut accepted = 0;
    for one in tries.collect::<Vec<_>>() {
        accepted += usize::from(one.await.unwrap() == Submitted::Accepted);
    }
    assert_eq!(accepted, 1);
}

#[tokio::test]
async fn an_answer_counts_once_and_frees_the_person() {
    let world = world().await;
    let random = Counting::default();
    let (store, request) = (&world.store, ticket(&world, &random).await);
    let agent = AgentId::from_bytes([5; 16]);
    store.submit_operation(request, FLOW, None, &Event::default(), NOW).await.unwrap();
    let early =
        store.mark_answered(request, &answer(Outcome::PasswordChanged), &ended(), NOW).await;
    assert!(!early.unwrap(), "what was not sent cannot be answered");
    assert!(store.mark_sent(request, agent, NOW).await.unwrap());
    assert!(!store.mark_sent(request, agent, NOW).await.unwrap());
    assert!(store.mark_unknown(request, &ended(), NOW).await.unwrap());
    assert!(
        store
            .mark_answered(request, &answer(Outcome::SettledChanged), &ended(), NOW)
            .await
            .unwrap()
    );
    assert!(
        !store
            .mark_answered(request, &answer(Outcome::PolicyHistory), &ended(), NOW)
            .await
            .unwrap()
    );
    let record = store.last_operation(FLOW).await.unwrap().unwrap();
    assert_eq!(record.state, State::Answered);
    assert_eq!(record.agent, Some(agent));
    assert_eq!(record.result.unwrap().0, Outcome::SettledChanged);
    let flow = store.flow(TENANT, &FLOW.to_bytes(), NOW).await.unwrap().unwrap();
    assert!(flow.ended, "a set uses the clearance up");
}

#[tokio::test]
async fn a_refusal_frees_the_person_and_keeps_the_clearance() {
    let world = world().await;
    let random = Counting::default();
    let (store, request) = (&world.store, ticket(&world, &random).await);
    store.submit_operation(request, FLOW, None, &Event::default(), NOW).await.unwrap();
    store.mark_sent(request, AgentId::from_bytes([5; 16]), NOW).await.unwrap();
    store.mark_answered(request, &answer(Outcome::PolicyHistory), &ended(), NOW).await.unwrap();
    let next = ticket(&world, &random).await;
    assert_eq!(
        store.submit_operation(next, FLOW, None, &Event::default(), NOW).await.unwrap(),
        Submitted::Accepted
    );
}

#[tokio::test]
async fn an_expired_message_is_never_marked_as_sent() {
    let world = world().await;
    let request = ticket(&world, &Counting::default()).await;
    let store = &world.store;
    store.submit_operation(request, FLOW, None, &Event::default(), NOW).await.unwrap();
    let late = NOW.after(Duration::from_secs(180));
    assert!(!store.mark_sent(request, AgentId::from_bytes([5; 16]), late).await.unwrap());
    assert!(store.mark_expired(request, &ended(), late).await.unwrap());
    assert!(!store.mark_expired(request, &ended(), late).await.unwrap());
}

#[tokio::test]
async fn a_restart_expires_what_waited_and_doubts_what_was_sent() {
    let world = world().await;
    let random = Counting::default();
    let store = &world.store;
    let sent = ticket(&world, &random).await;
    store.submit_operation(sent, FLOW, None, &Event::default(), NOW).await.unwrap();
    store.mark_sent(sent, AgentId::from_bytes([5; 16]), NOW).await.unwrap();
    let recovered = store.recover_operations(NOW, |_| ended()).await.unwrap();
    assert_eq!(recovered.iter().map(|one| one.state).collect::<Vec<_>>(), [State::Unknown]);
    assert_eq!(store.unknown_operations().await.unwrap().len(), 1);
    store.mark_answered(sent, &answer(Outcome::PolicyHistory), &ended(), NOW).await.unwrap();
    let waiting = ticket(&world, &random).await;
    store.submit_operation(waiting, FLOW, None, &Event::default(), NOW).await.unwrap();
    let recovered = store.recover_operations(NOW, |_| ended()).await.unwrap();
    assert_eq!(recovered.iter().map(|one| one.state).collect::<Vec<_>>(), [State::Expired]);
    let record = store.operation(waiting).await.unwrap().unwrap();
    assert_eq!(record.result.unwrap().0, Outcome::Expired);
}

#[tokio::test]
async fn an_operation_in_doubt_stands_in_the_way_for_a_while_only() {
    let world = world().await;
    let random = Counting::default();
    let store = &world.store;
    let doubted = ticket(&world, &random).await;
    store.submit_operation(doubted, FLOW, None, &Event::default(), NOW).await.unwrap();
    store.mark_sent(doubted, AgentId::from_bytes([5; 16]), NOW).await.unwrap();
    store.mark_unknown(doubted, &ended(), NOW).await.unwrap();
    let next = ticket(&world, &random).await;
    assert_eq!(
        store.submit_operation(next, FLOW, None, &Event::default(), NOW).await.unwrap(),
        Submitted::InFlight
    );
    let over = store.operation(next).await.unwrap().unwrap().expires_at.after(DOUBT);
    let again = FlowId::from_bytes([7; 16]);
    visit(&world, again, over).await;
    let late = ticket_of(&world, &random, (again, Operation::Reset), over).await;
    assert_eq!(submit(&world, late, again, over).await, Submitted::Accepted);
}

const OTHER: FlowId = FlowId::from_bytes([8; 16]);

fn second(number: u64) -> Timestamp {
    NOW.after(Duration::from_secs(number))
}

#[tokio::test]
async fn a_visit_in_which_the_password_was_set_elsewhere_ends_without_a_set() {
    let (world, random) = (world().await, Counting::default());
    visit(&world, OTHER, second(1)).await;
    let first = ticket(&world, &random).await;
    submit(&world, first, FLOW, second(2)).await;
    ends(&world, first, Outcome::MustChangeNotSet, second(3)).await;
    let late = ticket_of(&world, &random, (OTHER, Operation::Reset), second(20)).await;
    assert_eq!(submit(&world, late, FLOW, second(21)).await, Submitted::TicketVoid, "not its own");
    assert_eq!(submit(&world, late, OTHER, second(21)).await, Submitted::ChangedElsewhere);

    let (store, at) = (&world.store, second(21));
    assert!(store.mark_changed_elsewhere(late, &ended(), at).await.unwrap());
    assert!(!store.mark_changed_elsewhere(late, &ended(), at).await.unwrap());
    let record = store.last_operation(OTHER).await.unwrap().unwrap();
    assert_eq!(record.state, State::Refused);
    assert_eq!(record.result.unwrap().0, Outcome::ChangedElsewhere);
    let flow = store.flow(TENANT, &OTHER.to_bytes(), at).await.unwrap().unwrap();
    assert!(flow.ended);
    assert!(!store.mark_sent(late, AgentId::from_bytes([5; 16]), at).await.unwrap());
    assert!(!store.mark_changed_elsewhere(first, &ended(), at).await.unwrap(), "it was submitted");

    // Whoever comes afterwards, also because of that refusal, chooses another one.
    let third = FlowId::from_bytes([7; 16]);
    visit(&world, third, second(4)).await;
    let again = ticket_of(&world, &random, (third, Operation::Reset), second(30)).await;
    assert_eq!(submit(&world, again, third, second(30)).await, Submitted::Accepted);
}

#[tokio::test]
async fn neither_an_unlock_nor_a_refusal_elsewhere_ends_a_visit() {
    let (world, random) = (world().await, Counting::default());
    visit(&world, OTHER, NOW).await;
    let unlocks = [
        (Operation::Unlock, Outcome::Unlocked),
        (Operation::Unlock, Outcome::SettledChanged),
        (Operation::Reset, Outcome::PolicyHistory),
        (Operation::Reset, Outcome::ChangedElsewhere),
    ];
    for (number, (operation, outcome)) in unlocks.into_iter().enumerate() {
        let flow = FlowId::from_bytes([u8::try_from(20 + number).unwrap(); 16]);
        visit(&world, flow, second(1)).await;
        let elsewhere = ticket_of(&world, &random, (flow, operation), second(1)).await;
        submit(&world, elsewhere, flow, second(1)).await;
        ends(&world, elsewhere, outcome, second(2)).await;
    }
    let mine = ticket_of(&world, &random, (OTHER, Operation::Reset), second(3)).await;
    assert_eq!(submit(&world, mine, OTHER, second(3)).await, Submitted::Accepted);
}

#[tokio::test]
async fn a_ticket_from_before_it_was_known_that_nobody_can_know_is_not_taken_and_the_next_one_is() {
    let (world, random) = (world().await, Counting::default());
    visit(&world, OTHER, NOW).await;
    let first = ticket(&world, &random).await;
    submit(&world, first, FLOW, second(1)).await;
    let before = ticket_of(&world, &random, (OTHER, Operation::Reset), second(2)).await;
    ends(&world, first, Outcome::CannotBeKnown, second(3)).await;
    assert_eq!(submit(&world, before, OTHER, second(4)).await, Submitted::InFlight);
    let after = ticket_of(&world, &random, (OTHER, Operation::Reset), second(4)).await;
    assert_eq!(submit(&world, after, OTHER, second(4)).await, Submitted::Accepted);
}

#[tokio::test]
async fn nothing_is_searched_through_while_somebody_submits() {
    let world = world().await;
    let explain = format!("EXPLAIN QUERY PLAN {}", *submitting::SUBMIT);
    let steps = sqlx::query(sqlx::AssertSqlSafe(explain)).fetch_all(&world.store.pool).await;
    let steps: Vec<String> = steps.unwrap().iter().map(|step| step.get("detail")).collect();
    assert!(steps.iter().any(|step| step.contains("operation_answered")), "{steps:?}");
    // The trail's last entry is its first from behind.
    let through = steps.iter().filter(|step| step.starts_with("SCAN") && *step != "SCAN audit");
    assert_eq!(through.count(), 0, "{steps:?}");
}

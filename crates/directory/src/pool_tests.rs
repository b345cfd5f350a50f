use std::future::poll_fn;
use std::time::Duration;

use protocol::ManualClock;

use super::*;
use crate::pdc::tests::{AT_ONCE, Does, Line};

/// A connection that ends when it is asked anything.
const FRAGILE: Does = Does::Ends(Duration::ZERO);

fn holding(lines: &[&Line]) -> Pool {
    let mut pool = Pool::default();
    for (number, line) in lines.iter().enumerate() {
        let session = Arc::clone(&line.session);
        if number == 0 { pool.restart(session) } else { pool.join(session) }
    }
    pool
}

fn to(copy: u8, questions: Does) -> Line {
    Line::to(copy, &ManualClock::default(), [questions, AT_ONCE])
}

/// Whoever is doubted answers.
async fn answers(session: Arc<Session>) -> Option<Arc<Session>> {
    Some(session)
}

/// Whoever is doubted has answered by now.
async fn a_moment() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

async fn next_back(pool: &mut Pool) -> Option<Arc<Session>> {
    poll_fn(|context| pool.poll_back(context)).await
}

async fn end(line: &Line) {
    let limit = Duration::from_secs(5);
    line.session.object(String::new(), &["cn"], limit).await.unwrap_err();
    assert!(line.session.connection.has_ended());
}

#[tokio::test]
async fn one_that_was_doubted_and_has_ended_is_turned_away_when_it_would_be_taken_back() {
    let lines = [AT_ONCE, FRAGILE, AT_ONCE].map(|does| to(1, does));
    let [silent, ends, good] = &lines;
    let mut pool = holding(&[silent, ends, good]);
    pool.let_go(&silent.session, answers);
    assert!(!pool.has(&ends.session) && !pool.has(&good.session));
    // It had answered a moment before.
    end(ends).await;
    let back = next_back(&mut pool).await.unwrap();
    assert!(Arc::ptr_eq(&back, &good.session));
    assert!(next_back(&mut pool).await.is_none(), "nobody is left");
    assert!(pool.has(&good.session) && !pool.has(&ends.session));
    // The same where nobody waits for it.
    let lines = [AT_ONCE, FRAGILE].map(|does| to(1, does));
    let [silent, ends] = &lines;
    let mut pool = holding(&[silent, ends]);
    pool.let_go(&silent.session, answers);
    end(ends).await;
    a_moment().await;
    pool.take_back();
    assert!(!pool.has(&ends.session));
}

#[tokio::test]
async fn one_that_leads_to_another_copy_is_turned_away_when_it_would_be_taken_back() {
    for is_waited_for in [true, false] {
        let former = [1, 1].map(|copy| to(copy, AT_ONCE));
        let [silent, doubted] = &former;
        let mut pool = holding(&[silent, doubted]);
        pool.let_go(&silent.session, answers);
        // The role has moved meanwhile, or the controller was restored.
        let now = to(2, AT_ONCE);
        pool.restart(Arc::clone(&now.session));
        if is_waited_for {
            assert!(next_back(&mut pool).await.is_none());
        } else {
            a_moment().await;
            pool.take_back();
        }
        assert!(!pool.has(&doubted.session));
        assert!(Arc::ptr_eq(&pool.idlest().unwrap(), &now.session));
    }
}

#[tokio::test]
async fn one_that_was_opened_beside_the_others_and_leads_elsewhere_is_turned_away() {
    let [first, same, other] = [1, 1, 2].map(|copy| to(copy, AT_ONCE));
    let mut pool = holding(&[&first, &same, &other]);
    assert!(pool.has(&first.session) && pool.has(&same.session) && !pool.has(&other.session));
    assert!(pool.idlest().is_some());
}

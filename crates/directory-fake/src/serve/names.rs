//! DNS: what a client must know to find the controllers.

use std::net::IpAddr;

use hickory_resolver::proto::op::{Message, ResponseCode};
use hickory_resolver::proto::rr::rdata::{A, SRV};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use tokio::net::UdpSocket;

use crate::domain::FakeDomain;

/// The time to live that a controller registers its records with, in seconds.
const TIME_TO_LIVE: u32 = 900;
/// More than any question has.
const QUESTION_MAX: usize = 1_500;

/// Answers questions for ever. What is no question gets no answer.
pub(super) async fn answer(socket: UdpSocket, domain: FakeDomain, addresses: Vec<IpAddr>) {
    let mut buffer = vec![0; QUESTION_MAX];
    while let Ok((length, asker)) = socket.recv_from(&mut buffer).await {
        let question = Message::from_vec(&buffer[..length]);
        let answer = question.ok().and_then(|question| named(question, &domain, &addresses));
        if let Some(answer) = answer {
            // Whoever asked may have gone.
            let _ = socket.send_to(&answer, asker).await;
        }
    }
}

fn named(question: Message, domain: &FakeDomain, addresses: &[IpAddr]) -> Option<Vec<u8>> {
    let query = question.queries.first()?.clone();
    let mut answer = question.into_response();
    answer.metadata.authoritative = true;
    let asked = query.name().to_ascii().trim_end_matches('.').to_lowercase();
    let (known, records) = records(&asked, query.query_type(), domain, addresses);
    if !known {
        answer.metadata.response_code = ResponseCode::NXDomain;
    }
    for record in records {
        answer.add_answer(Record::from_rdata(query.name().clone(), TIME_TO_LIVE, record));
    }
    answer.to_vec().ok()
}

/// Whether the name is there, and its records of that type.
fn records(
    asked: &str,
    kind: RecordType,
    domain: &FakeDomain,
    addresses: &[IpAddr],
) -> (bool, Vec<RData>) {
    let state = domain.state();
    let zone = state.here().domain.to_lowercase();
    let services = |hosts: &mut dyn Iterator<Item = &str>| match kind {
        RecordType::SRV => hosts.filter_map(service).collect(),
        _ => Vec::new(),
    };
    if asked == format!("_ldap._tcp.pdc._msdcs.{zone}") {
        let owner = state.controllers[state.in_dns].host.as_str();
        return (true, services(&mut [owner].into_iter()));
    }
    if [format!("_ldap._tcp.dc._msdcs.{zone}"), format!("_ldap._tcp.{zone}")]
        .contains(&asked.to_owned())
    {
        let hosts = state.controllers.iter().map(|controller| controller.host.as_str());
        return (true, services(&mut { hosts }));
    }
    let hosts = state.controllers.iter().zip(addresses);
    let found: Vec<_> = hosts
        .filter(|(controller, _)| asked == zone || controller.host.eq_ignore_ascii_case(asked))
        .filter_map(|(_, address)| match address {
            IpAddr::V4(address) => Some(*address),
            IpAddr::V6(_) => None,
        })
        .collect();
    let known = !found.is_empty();
    let found = if kind == RecordType::A { found } else { Vec::new() };
    (known, found.into_iter().map(|address| RData::A(A(address))).collect())
}

/// LDAP's port in clear is what AD registers; a client takes the host only.
fn service(host: &str) -> Option<RData> {
    let target: Name = format!("{host}.").parse().ok()?;
    Some(RData::SRV(SRV::new(0, 100, 389, target)))
}

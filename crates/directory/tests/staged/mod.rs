//! Staged controllers: what a domain with several controllers, or an old one, looks like on the
//! wire. They answer what they are told to; whether a real directory does is shown by the tests
//! against the lab.

pub mod entries;

use std::collections::HashMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use directory::{DirectoryConfig, Sid};
use futures_util::{SinkExt as _, StreamExt as _};
use hickory_resolver::proto::op::Message;
use hickory_resolver::proto::rr::rdata::{A, SRV};
use hickory_resolver::proto::rr::{RData, Record, RecordType};
use lab::Authority;
use ldap3_proto::LdapCodec;
use ldap3_proto::control::LdapControl;
use ldap3_proto::proto::{
    LdapBindResponse, LdapFilter, LdapMsg, LdapOp, LdapPartialAttribute, LdapResult,
    LdapResultCode, LdapSearchRequest, LdapSearchResultEntry, LdapSearchScope,
};
use protocol::ClearPassword;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use tokio::net::{TcpListener, TcpStream, UdpSocket};
use tokio::sync::Notify;
use tokio_rustls::TlsAcceptor;
use tokio_util::codec::Framed;

pub const DOMAIN: &str = "staged.test";
pub const HEAD: &str = "DC=staged,DC=test";
const DOMAIN_SID: &str = "S-1-5-21-1-2-3";

/// What all controllers of the domain agree on, and a test changes.
#[derive(Default)]
pub struct State {
    /// The host that DNS names; empty: it has no such record.
    pub in_dns: String,
    /// The host that holds the role.
    pub owner: String,
    /// Hosts that say that somebody else holds it, and how often it was given away by then; 1 for all
    /// others.
    pub words: HashMap<String, (String, u32)>,
    /// How far update numbers have come, by every controller's word; none of them says.
    pub highest_usn: Option<u64>,
    /// The controls that controllers offer.
    pub controls: Vec<String>,
    /// The SIDs of whoever signs in, in this order.
    pub token: Vec<Sid>,
    /// Accounts and groups that are found by their SID, and the class of each.
    pub known: Vec<(Sid, &'static str)>,
    /// Objects by the base that finds them: the name and the attributes of each.
    pub objects: HashMap<String, (String, Vec<LdapPartialAttribute>)>,
    /// What is not here is said to be another domain's: `referral` in place of `noSuchObject`.
    pub refers: bool,
    /// How often one object was read.
    pub objects_read: usize,
    /// How somebody who looks for SIDs, or for an object by its SID, is refused.
    pub refuses_sids: Option<LdapResultCode>,
    /// For how many SIDs somebody looked, in each question.
    pub sids_asked: Vec<usize>,
    /// Sets that arrived: at which host, with which controls.
    pub sets: Vec<(String, Vec<LdapControl>)>,
    /// Hosts at which people were looked for.
    pub reads: Vec<String>,
    /// The hosts that DNS names as controllers of the domain.
    pub all_in_dns: Vec<String>,
    /// How often somebody signed in.
    pub binds: usize,
    /// Connections that are open.
    pub open: usize,
    /// Tells every open connection to end.
    pub hang_up: Arc<Notify>,
}

pub struct Stage {
    pub state: Arc<Mutex<State>>,
    pub config: DirectoryConfig,
}

/// The controllers `dc1`, `dc2`, …, each on a loopback address of its own; the certificate of each
/// is for the name that `certified` makes of its own.
pub async fn stage(count: u8, certified: impl Fn(&str) -> String) -> Stage {
    let authority = Authority::create().unwrap();
    let state = Arc::new(Mutex::new(State {
        in_dns: host(1),
        owner: host(1),
        controls: vec!["1.2.840.113556.1.4.2239".to_owned()],
        ..State::default()
    }));
    let mut port = 0;
    for number in 1..=count {
        let listener = TcpListener::bind((address(number), port)).await.unwrap();
        port = listener.local_addr().unwrap().port();
        let host = host(number);
        let acceptor = acceptor(&authority, &certified(&host));
        tokio::spawn(serve(listener, acceptor, host, Arc::clone(&state)));
    }
    let config = config(&authority, port, &state).await;
    Stage { state, config }
}

/// One controller, `dc1`, that does with each connection what `talk` does.
pub async fn stage_of<F, T>(authority: &Authority, talk: F) -> Stage
where
    F: Fn(TcpStream, Arc<Mutex<State>>) -> T + Send + 'static,
    T: Future<Output = ()> + Send + 'static,
{
    let state = Arc::new(Mutex::new(State {
        in_dns: host(1),
        owner: host(1),
        controls: vec!["1.2.840.113556.1.4.2239".to_owned()],
        ..State::default()
    }));
    let listener = TcpListener::bind((address(1), 0)).await.unwrap();
    let config = config(authority, listener.local_addr().unwrap().port(), &state).await;
    let shared = Arc::clone(&state);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            tokio::spawn(talk(stream, Arc::clone(&shared)));
        }
    });
    Stage { state, config }
}

/// What a client is told of the domain: both ports are the one that there is.
async fn config(authority: &Authority, port: u16, state: &Arc<Mutex<State>>) -> DirectoryConfig {
    let dns = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let dns_address = dns.local_addr().unwrap();
    tokio::spawn(answer_names(dns, Arc::clone(state)));
    let password = ClearPassword::from_text("Service-Password-1").unwrap();
    let ca = authority.pem().as_bytes().to_vec();
    DirectoryConfig {
        dns: Some(dns_address),
        ldaps_port: port,
        ldap_port: port,
        ..DirectoryConfig::new(DOMAIN, ca, "svc@staged.test", password).unwrap()
    }
}

pub fn host(number: u8) -> String {
    format!("dc{number}.{DOMAIN}")
}

/// Each test process has its own range, so that tests side by side share no port.
pub fn address(number: u8) -> Ipv4Addr {
    let [_, _, high, low] = std::process::id().to_be_bytes();
    Ipv4Addr::new(127, 64 + number, high, low.clamp(1, 254))
}

pub fn acceptor(authority: &Authority, name: &str) -> TlsAcceptor {
    let made = authority.server(&[name]).unwrap();
    acceptor_with(&made.certificate, &made.key)
}

/// For a certificate and its key, as PEM.
pub fn acceptor_with(certificate: &str, key: &str) -> TlsAcceptor {
    acceptor_of(CertificateDer::from_pem_slice(certificate.as_bytes()).unwrap(), key)
}

/// The same for a certificate as it is sent.
pub fn acceptor_of(certificate: CertificateDer<'static>, key: &str) -> TlsAcceptor {
    let key = PrivateKeyDer::from_pem_slice(key.as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let key = provider.key_provider.load_private_key(key).unwrap();
    // Whatever is wrong with it: the client is to find that.
    let certified = SingleCertAndKey::from(CertifiedKey::new(vec![certificate], key));
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(certified));
    TlsAcceptor::from(Arc::new(config))
}

async fn answer_names(socket: UdpSocket, state: Arc<Mutex<State>>) {
    let mut buffer = vec![0; 1_500];
    while let Ok((length, asker)) = socket.recv_from(&mut buffer).await {
        let question = Message::from_vec(&buffer[..length]).unwrap();
        let answer = named(question, &state.lock().unwrap());
        socket.send_to(&answer, asker).await.unwrap();
    }
}

fn named(question: Message, state: &State) -> Vec<u8> {
    let query = question.queries[0].clone();
    let mut answer = question.into_response();
    let name = query.name().to_ascii();
    let service =
        |host: &String| RData::SRV(SRV::new(0, 100, 389, format!("{host}.").parse().unwrap()));
    let records: Vec<RData> = match query.query_type() {
        RecordType::SRV if name == format!("_ldap._tcp.pdc._msdcs.{DOMAIN}.") => {
            Some(&state.in_dns).filter(|host| !host.is_empty()).map(service).into_iter().collect()
        }
        RecordType::SRV if name == format!("_ldap._tcp.dc._msdcs.{DOMAIN}.") => {
            state.all_in_dns.iter().map(service).collect()
        }
        RecordType::A => {
            // Of whichever domain.
            let number = (1..=9).find(|number| name.starts_with(&format!("dc{number}.")));
            number.map(|number| RData::A(A(address(number)))).into_iter().collect()
        }
        _ => Vec::new(),
    };
    for data in records {
        answer.add_answer(Record::from_rdata(query.name().clone(), 900, data));
    }
    answer.to_vec().unwrap()
}

async fn serve(
    listener: TcpListener,
    acceptor: TlsAcceptor,
    host: String,
    state: Arc<Mutex<State>>,
) {
    while let Ok((stream, _)) = listener.accept().await {
        let (acceptor, host, state) = (acceptor.clone(), host.clone(), Arc::clone(&state));
        tokio::spawn(async move {
            let hang_up = {
                let mut state = state.lock().unwrap();
                state.open += 1;
                Arc::clone(&state.hang_up)
            };
            tokio::select! {
                _ = converse(acceptor, stream, &host, &state) => {}
                () = hang_up.notified() => {}
            }
            state.lock().unwrap().open -= 1;
        });
    }
}

/// None if the client does not like the certificate, or hangs up.
pub async fn converse(
    acceptor: TlsAcceptor,
    stream: TcpStream,
    host: &str,
    state: &Mutex<State>,
) -> Option<()> {
    let stream = acceptor.accept(stream).await.ok()?;
    let mut messages = Framed::new(stream, LdapCodec::default());
    while let Some(Ok(LdapMsg { msgid, op, ctrl })) = messages.next().await {
        let answers = respond(op, ctrl, host, &mut state.lock().unwrap());
        for op in answers {
            messages.send(LdapMsg::new(msgid, op)).await.ok()?;
        }
    }
    None
}

pub fn respond(
    op: LdapOp,
    controls: Vec<LdapControl>,
    host: &str,
    state: &mut State,
) -> Vec<LdapOp> {
    match op {
        LdapOp::BindRequest(_) => {
            state.binds += 1;
            let res = result(LdapResultCode::Success);
            vec![LdapOp::BindResponse(LdapBindResponse { res, saslcreds: None })]
        }
        LdapOp::ModifyRequest(_) => {
            state.sets.push((host.to_owned(), controls));
            vec![LdapOp::ModifyResponse(result(LdapResultCode::Success))]
        }
        LdapOp::SearchRequest(search) if search.scope == LdapSearchScope::Subtree => {
            if let LdapFilter::Or(sids) = &search.filter {
                return with_sids(sids, state);
            }
            state.reads.push(host.to_owned());
            vec![LdapOp::SearchResultDone(result(LdapResultCode::Success))]
        }
        LdapOp::SearchRequest(search) => {
            state.objects_read += 1;
            one_object(search, host, state)
        }
        _ => Vec::new(),
    }
}

/// The object with this name, or what is said where there is none.
fn one_object(search: LdapSearchRequest, host: &str, state: &State) -> Vec<LdapOp> {
    match entry(&search.base, host, state) {
        _ if search.base.starts_with("<SID=") && state.refuses_sids.is_some() => {
            let code = state.refuses_sids.clone().unwrap();
            vec![LdapOp::SearchResultDone(result(code))]
        }
        Some(attributes) => {
            let named = !search.base.starts_with('<');
            let found = state.objects.get(&search.base).map(|(dn, _)| dn.clone());
            let other = if named { search.base } else { format!("CN=Found,{HEAD}") };
            let dn = found.unwrap_or(other);
            let entry = LdapSearchResultEntry { dn, attributes };
            let done = LdapOp::SearchResultDone(result(LdapResultCode::Success));
            vec![LdapOp::SearchResultEntry(entry), done]
        }
        None if state.refers => {
            let code = LdapResultCode::Referral;
            let message = "0000202B: RefErr: DSID-0310084A, data 0, 1 access points".to_owned();
            vec![LdapOp::SearchResultDone(LdapResult { message, ..result(code) })]
        }
        None => vec![LdapOp::SearchResultDone(result(LdapResultCode::NoSuchObject))],
    }
}

/// Whoever has one of the SIDs of a filter.
fn with_sids(filters: &[LdapFilter], state: &mut State) -> Vec<LdapOp> {
    state.sids_asked.push(filters.len());
    if let Some(code) = state.refuses_sids.clone() {
        return vec![LdapOp::SearchResultDone(result(code))];
    }
    let wanted = |sid: &Sid| {
        let equal = LdapFilter::Equality("objectSid".to_owned(), sid.to_string());
        filters.contains(&equal)
    };
    let found = state.known.iter().filter(|(sid, _)| wanted(sid)).map(|(sid, class)| {
        let vals = vec![sid.to_value()];
        let sid = LdapPartialAttribute { atype: "objectSid".to_owned(), vals };
        let attributes = vec![sid, attribute("objectClass", &["top", class])];
        LdapOp::SearchResultEntry(LdapSearchResultEntry {
            dn: format!("CN=Found,{HEAD}"),
            attributes,
        })
    });
    let done = LdapOp::SearchResultDone(result(LdapResultCode::Success));
    found.chain(std::iter::once(done)).collect()
}

fn entry(base: &str, host: &str, state: &State) -> Option<Vec<LdapPartialAttribute>> {
    let own = settings(host);
    if base.is_empty() {
        let controls: Vec<&str> = state.controls.iter().map(String::as_str).collect();
        let usn =
            state.highest_usn.map(|usn| attribute("highestCommittedUSN", &[&usn.to_string()]));
        let root = [
            attribute("dsServiceName", &[&own]),
            attribute("defaultNamingContext", &[HEAD]),
            attribute("dnsHostName", &[host]),
            attribute("supportedControl", &controls),
            token(state),
        ];
        return Some(root.into_iter().chain(usn).collect());
    }
    if base == HEAD {
        let (owner, version) =
            state.words.get(host).map_or((&state.owner, 1), |(owner, version)| (owner, *version));
        let written = LdapPartialAttribute {
            atype: "replPropertyMetaData".to_owned(),
            vals: vec![metadata(version)],
        };
        let vals = vec![DOMAIN_SID.parse::<Sid>().unwrap().to_value()];
        let sid = LdapPartialAttribute { atype: "objectSid".to_owned(), vals };
        return Some(vec![attribute("fSMORoleOwner", &[&settings(owner)]), written, sid]);
    }
    if base == own {
        let vals = vec![vec![host.as_bytes()[2]; 16]];
        return Some(vec![LdapPartialAttribute { atype: "invocationId".to_owned(), vals }]);
    }
    if let Some((_, attributes)) = state.objects.get(base) {
        return Some(attributes.clone());
    }
    if let Some(sid) = base.strip_prefix("<SID=").and_then(|rest| rest.strip_suffix('>')) {
        let (sid, class) = state.known.iter().find(|(known, _)| known.to_string() == sid)?;
        return Some(vec![attribute("sAMAccountName", &[&login(sid, class)])]);
    }
    let known = (1..=9).map(self::host);
    let found = known.into_iter().find(|host| base == server(host))?;
    Some(vec![attribute("dNSHostName", &[&found])])
}

/// The `sAMAccountName` of one of [`State::known`].
pub fn login(sid: &Sid, class: &str) -> String {
    format!("{class} {sid}")
}

/// `replPropertyMetaData` that says how often `fSMORoleOwner` was written (MS-DRSR 5.16.4).
fn metadata(version: u32) -> Vec<u8> {
    let head = [1_u32, 0, 1, 0].map(u32::to_le_bytes).concat();
    let entry = [0x0009_0171, version].map(u32::to_le_bytes).concat();
    let since_1601 = 13_000_000_000_u64.to_le_bytes();
    [&head[..], &entry, &since_1601, &[7; 16], &[8; 16]].concat()
}

fn server(host: &str) -> String {
    let name = host.split('.').next().unwrap().to_uppercase();
    format!("CN={name},CN=Servers,CN=Site,CN=Sites,CN=Configuration,{HEAD}")
}

fn settings(host: &str) -> String {
    format!("CN=NTDS Settings,{}", server(host))
}

fn token(state: &State) -> LdapPartialAttribute {
    let vals = state.token.iter().map(Sid::to_value).collect();
    LdapPartialAttribute { atype: "tokenGroups".to_owned(), vals }
}

pub fn attribute(name: &str, values: &[&str]) -> LdapPartialAttribute {
    let vals = values.iter().map(|value| value.as_bytes().to_vec()).collect();
    LdapPartialAttribute { atype: name.to_owned(), vals }
}

pub fn result(code: LdapResultCode) -> LdapResult {
    LdapResult { code, matcheddn: String::new(), message: String::new(), referral: Vec::new() }
}

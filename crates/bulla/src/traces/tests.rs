//! A server in memory, real requests over TCP, and a collector that keeps what it is sent.

mod collector;
mod server;

use std::time::Duration;

use opentelemetry_proto::tonic::trace::v1::Span;

use self::collector::{Collector, Mood, text};
use self::server::{Sent, Server};
use super::settings::Limits;

/// What is never to be seen in a trace: a parameter's name and its value.
const NAME: &str = "/crown/jewels";
const VALUE: &str = "plain-as-day";
const TRACE: &str = "0af7651916cd43dd8448eb211c80319c";
const SPAN: &str = "b7ad6b7169203331";

/// Everything waits until the end of the test.
const PATIENT: Limits = Limits {
    waiting: 64,
    batch: 64,
    gather: Duration::from_secs(600),
    timeout: Duration::from_secs(60),
    close: Duration::from_secs(60),
};

fn put_parameter() -> Sent {
    let body = format!("{{\"Name\":\"{NAME}\",\"Value\":\"{VALUE}\",\"Type\":\"SecureString\"}}");
    Sent::json("ssm", "AmazonSSM.PutParameter", &body)
}

fn get_parameter() -> Sent {
    let body = format!("{{\"Name\":\"{NAME}\",\"WithDecryption\":true}}");
    Sent::json("ssm", "AmazonSSM.GetParameter", &body)
}

fn list_keys() -> Sent {
    Sent::json("kms", "TrentService.ListKeys", "{}")
}

/// The spans right within one, by the time at which they began.
fn within<'s>(spans: &'s [Span], outer: &Span) -> Vec<&'s Span> {
    let mut inner: Vec<_> =
        spans.iter().filter(|span| span.parent_span_id == outer.span_id).collect();
    inner.sort_by_key(|span| span.start_time_unix_nano);
    for span in &inner {
        assert_eq!(span.trace_id, outer.trace_id);
        assert!(span.start_time_unix_nano >= outer.start_time_unix_nano, "{span:?}");
        assert!(span.end_time_unix_nano <= outer.end_time_unix_nano, "{span:?}");
    }
    inner
}

/// A span and all within it, such as `work(authorize)`.
fn tree(spans: &[Span], span: &Span) -> String {
    let inner: Vec<_> = within(spans, span).iter().map(|inner| tree(spans, inner)).collect();
    match &*inner {
        [] => span.name.clone(),
        inner => format!("{}({})", span.name, inner.join(" ")),
    }
}

fn named<'s>(spans: &'s [Span], name: &str) -> &'s Span {
    spans.iter().find(|span| span.name == name).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_a_tree_of_its_stages_and_inner_calls() {
    let mut collector = Collector::start(Mood::Takes).await;
    let server = Server::start(collector.address, PATIENT, 1).await;
    assert_eq!(server.send(&put_parameter()).await.status, 200);
    let answer = server.send(&get_parameter()).await;
    assert!(answer.body.contains(VALUE), "{}", answer.body);
    server.close().await;
    let export = collector.next().await;
    let spans = export.spans();
    let root = named(&spans, "ssm/GetParameter");
    let decrypting = "kms/Decrypt(work(authorize))";
    assert_eq!(
        tree(&spans, root),
        format!("ssm/GetParameter(read decode verify work(authorize {decrypting}) record)")
    );
    assert!(root.parent_span_id.is_empty());
    assert_eq!((root.kind, root.status.as_ref().unwrap().code), (2, 0));
    let own = [
        ("aws.request_id", &*answer.request_id),
        ("cloud.account.id", "111122223333"),
        ("cloud.region", "eu-central-1"),
        ("http.response.status_code", "200"),
        ("rpc.method", "GetParameter"),
        ("rpc.service", "ssm"),
        ("rpc.system", "aws-api"),
    ];
    assert_eq!(text(&root.attributes), own.map(|(key, value)| (key.into(), value.into())));
    let inner = text(&named(&spans, "kms/Decrypt").attributes);
    let keys: Vec<_> = inner.iter().map(|(key, _)| &**key).collect();
    assert_eq!(
        keys,
        own.map(|(key, _)| key)
            .into_iter()
            .filter(|key| !key.starts_with("http"))
            .collect::<Vec<_>>()
    );
    let resource = text(&export.resource());
    assert!(resource.contains(&("service.name".into(), "bulla".into())), "{resource:?}");
    let bytes = String::from_utf8_lossy(&export.bytes);
    for secret in [NAME, VALUE, "crown", "SecureString", server::SECRET, "AQICAH"] {
        assert!(!bytes.contains(secret), "{secret} is in a trace");
    }
    let ids: std::collections::HashSet<_> = spans.iter().map(|span| &span.span_id).collect();
    assert_eq!(ids.len(), spans.len());
    let all = u64::try_from(spans.len()).unwrap();
    assert_eq!(server.counts(), (all, 0, 0, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn refusals_tell_their_code_and_nothing_else() {
    let mut collector = Collector::start(Mood::Takes).await;
    let server = Server::start(collector.address, PATIENT, 1).await;
    assert_eq!(server.send(&get_parameter()).await.status, 400);
    assert_eq!(server.send(&Sent::json("kms", "TrentService.Fly", "{}")).await.status, 400);
    assert_eq!(server.send(&list_keys().unsigned()).await.status, 400);
    server.close().await;
    let spans = collector.next().await.spans();
    let of = |name: &str| text(&named(&spans, name).attributes);
    let get = of("ssm/GetParameter");
    assert!(get.contains(&("error.type".into(), "ParameterNotFound".into())), "{get:?}");
    assert_eq!(of("request"), [("http.response.status_code".into(), "400".into())]);
    let stranger = of("kms/ListKeys");
    assert!(stranger.iter().all(|(key, _)| key != "cloud.account.id"), "{stranger:?}");
    assert!(spans.iter().all(|span| span.status.as_ref().unwrap().code == 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_clients_span_is_the_parent_if_the_client_is_known() {
    let mut collector = Collector::start(Mood::Takes).await;
    let server = Server::start(collector.address, PATIENT, 1).await;
    let parent = format!("00-{TRACE}-{SPAN}-01");
    let describe = Sent::json("kms", "TrentService.ListAliases", "{}");
    let broken = Sent::json("kms", "TrentService.GenerateRandom", "{\"NumberOfBytes\":1}");
    let stranger = list_keys().with("traceparent", &parent).unsigned();
    assert_eq!(server.send(&describe.with("traceparent", &parent)).await.status, 200);
    assert_eq!(server.send(&broken.with("traceparent", "00-0-0-00")).await.status, 200);
    assert_eq!(server.send(&stranger).await.status, 400);
    server.close().await;
    let spans = collector.next().await.spans();
    let known = named(&spans, "kms/ListAliases");
    assert_eq!(bulla_crypto::hex::encode(&known.trace_id), TRACE);
    assert_eq!(bulla_crypto::hex::encode(&known.parent_span_id), SPAN);
    assert!(tree(&spans, known).starts_with("kms/ListAliases(read decode verify work"));
    for name in ["kms/GenerateRandom", "kms/ListKeys"] {
        let span = named(&spans, name);
        assert!(span.parent_span_id.is_empty(), "{span:?}");
        assert_ne!(bulla_crypto::hex::encode(&span.trace_id), TRACE);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn one_of_so_many_requests_is_followed() {
    let mut collector = Collector::start(Mood::Takes).await;
    let server = Server::start(collector.address, PATIENT, 3).await;
    for _ in 0..7 {
        assert_eq!(server.send(&list_keys()).await.status, 200);
    }
    server.close().await;
    let spans = collector.next().await.spans();
    assert_eq!(spans.iter().filter(|span| span.name == "kms/ListKeys").count(), 3);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_collector_does_not_take_is_counted_and_calls_go_on() {
    let mut collector = Collector::start(Mood::Fails).await;
    let limits = Limits { gather: Duration::ZERO, ..PATIENT };
    let server = Server::start(collector.address, limits, 1).await;
    assert_eq!(server.send(&list_keys()).await.status, 200);
    let lost = u64::try_from(collector.next().await.spans().len()).unwrap();
    collector.set(Mood::Refuses(2));
    assert_eq!(server.send(&list_keys()).await.status, 200);
    let partly = u64::try_from(collector.next().await.spans().len()).unwrap();
    collector.set(Mood::Takes);
    assert_eq!(server.send(&list_keys()).await.status, 200);
    let taken = u64::try_from(collector.next().await.spans().len()).unwrap();
    server.close().await;
    assert_eq!(server.counts(), (partly - 2 + taken, 0, lost + 2, 2));
    let metrics = server.metrics().await;
    for line in [
        format!("bulla_trace_spans_total{{outcome=\"lost\"}} {}\n", lost + 2),
        "bulla_trace_export_failures_total 2\n".to_owned(),
    ] {
        assert!(metrics.contains(&line), "{metrics}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_is_gone_costs_spans_alone() {
    let gone = Collector::start(Mood::Takes).await.close().await;
    let server = Server::start(gone, PATIENT, 1).await;
    assert_eq!(server.send(&list_keys()).await.status, 200);
    server.close().await;
    let (exported, left_out, lost, failures) = server.counts();
    assert_eq!((exported, left_out, failures), (0, 0, 1));
    assert!(lost > 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_collector_that_hangs_keeps_nobody_waiting() {
    let mut collector = Collector::start(Mood::Hangs).await;
    let limits = Limits {
        waiting: 1,
        batch: 1,
        gather: Duration::ZERO,
        close: Duration::from_millis(50),
        ..PATIENT
    };
    let server = Server::start(collector.address, limits, 1).await;
    assert_eq!(server.send(&list_keys()).await.status, 200);
    // The collector has the first, and will not answer; the second waits, the third can't.
    let spans = u64::try_from(collector.next().await.spans().len()).unwrap();
    for _ in 0..2 {
        assert_eq!(server.send(&list_keys()).await.status, 200);
    }
    assert_eq!(server.counts(), (0, spans, 0, 0));
    server.close().await;
    let limits = Limits { timeout: Duration::from_millis(50), ..PATIENT };
    let server = Server::start(collector.address, limits, 1).await;
    assert_eq!(server.send(&list_keys()).await.status, 200);
    server.close().await;
    assert_eq!(server.counts(), (0, 0, spans, 1));
}

#[tokio::test]
async fn spans_without_a_parent_have_ids_of_their_own() {
    let crypto = bulla_crypto::Crypto::standard();
    let seen = || super::spans::Seen {
        course: bulla_plane::traces::Followed::begin().end(),
        parent: None,
        status: 500,
    };
    let (one, other) = (seen(), seen());
    let (one, other) =
        (super::spans::of(&one, &crypto).unwrap(), super::spans::of(&other, &crypto).unwrap());
    let ids = [&one, &other].map(|spans| spans[0].span_context.trace_id());
    assert_ne!(ids[0], ids[1]);
    assert!(matches!(one[0].status, opentelemetry::trace::Status::Error { .. }));
}

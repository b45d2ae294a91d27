//! botocore's protocol cases (themselves from Smithy's), seen from the server's side.
//!
//! `BULLA_VECTORS` names the folder that holds `protocols/`. Inputs are read and compared with the
//! parameters the client was given; outputs are written and compared with the body it would parse.

use std::borrow::Cow;
use std::path::Path;

use bulla_shapes::protocol::{Incoming, codec};
use bulla_shapes::tables::{Auth, Operation, Protocol, Shape, Structure};
use bulla_shapes::value::Value as Held;
use bulla_shapes::{Blob, Fault, Record};
use serde_json::{Value, json};

use crate::leak::{leaked, service, structure, text};
use crate::xml_tree;

/// Cases which say nothing about a server, and why.
const SKIPPED: [(&str, &str); 20] = [
    ("QueryEmptyQueryMaps", "an empty map leaves no trace in a form"),
    ("PutAndGetInlineDocumentsInput", "document types: no served model has one"),
    ("QueryProtocolIdempotencyTokenAutoFill", "the client fills in the token"),
    ("SDKAppliedContentEncoding", "the client compresses the body; no body in the case"),
    ("SDKAppendsGzip", "the client compresses the body; no body in the case"),
    ("ErrorUsingXAmznErrorType", "a header form of the code that clients also accept"),
    ("ErrorUsingCode", "a body form of the code that clients also accept"),
    ("DeserializeIgnoreType", "members that clients pass over: nothing to write"),
    ("RestJsonFooErrorWithDunderType", "a body form of the code that clients also accept"),
    ("DocumentType", "document types: no served model has one"),
    ("DocumentInput", "document types: no served model has one"),
    ("DocumentOutput", "document types: no served model has one"),
    ("QueryStringTypes", "a map in the query: no served model has one"),
    ("RestJsonQueryString", "a map in the query: no served model has one"),
    ("FloatQueryValues", "a map in the query: no served model has one"),
    ("ZeroAndFalseQueryValues", "a map in the query: no served model has one"),
    ("QueryParamsStringListMap", "a map in the query: no served model has one"),
    ("QueryPrecedence", "a map in the query: no served model has one"),
    ("RestJsonOmitsEmptyListQueryValues", "an empty list leaves no trace in a query"),
    ("RestJsonQueryIdempotencyTokenAutoFill", "the client fills in the token"),
];

/// Output cases whose body has one of several forms that clients accept; ours is another.
const OTHER_FORM: [(&str, &str); 10] = [
    ("DateTimeWithNegativeOffset", "we write UTC"),
    ("DateTimeWithPositiveOffset", "we write UTC"),
    ("AwsJson11DateTimeWithFractionalSeconds", "checked by number: the case lacks its format"),
    ("handles_unexpected_json_output", "members that clients pass over"),
    ("HandlesUnexpectedJsonOutput", "members that clients pass over"),
    ("ServiceRespondsWithNoPayload", "the case lets the body be empty; we write {}"),
    ("StructuresDontDeserializeNullValues", "we leave null members out"),
    ("DeserializeAllowNulls", "we leave null members out"),
    ("RestJsonDoesntDeserializeNullStructureValues", "we leave null members out"),
    ("RestJsonDeserializesDenseSetMapAndSkipsNull", "we leave null members out"),
];

#[derive(Default)]
struct Tally {
    passed: usize,
    skipped: Vec<String>,
}

fn suites(file: &str) -> Option<Vec<Value>> {
    let Some(folder) = std::env::var_os("BULLA_VECTORS") else {
        println!("skipped: BULLA_VECTORS names no folder");
        return None;
    };
    let path = Path::new(&folder).join("protocols").join(file);
    let text = std::fs::read_to_string(&path).expect("the protocol cases");
    serde_json::from_str(&text).expect("cases are JSON")
}

fn run(file: &str, protocol: Protocol, case: fn(Protocol, &Value, &Value) -> Option<&'static str>) {
    let Some(suites) = suites(file) else { return };
    let mut tally = Tally::default();
    for suite in &suites {
        for one in suite["cases"].as_array().expect("cases") {
            let id = text(one, "id").expect("an id");
            let known = SKIPPED.iter().find(|(part, _)| id.contains(part));
            // The token given by the caller is like any other member.
            let known = known.filter(|_| !id.ends_with("IdempotencyTokenAutoFillIsSet"));
            let reason = match known {
                Some((_, reason)) => Some(*reason),
                None => case(protocol, suite, one),
            };
            match reason {
                Some(reason) => tally.skipped.push(format!("{id}: {reason}")),
                None => tally.passed += 1,
            }
        }
    }
    println!("{file}: {} passed, {} skipped", tally.passed, tally.skipped.len());
    tally.skipped.iter().for_each(|line| println!("  skipped {line}"));
    assert!(tally.passed > tally.skipped.len(), "most cases must be about a server");
}

fn end(suite: &Value, one: &Value, key: &str) -> Option<&'static Structure> {
    let name = text(&one["given"][key], "shape")?;
    structure(&suite["shapes"], name, &mut Vec::new())
}

fn operation(one: &Value, input: Option<&'static Structure>, output: bool) -> Operation {
    let name = text(&one["given"], "name").unwrap_or_default();
    // The cases leave out the wrapper that every model of a real Query service states.
    let wrapper = format!("{name}Result");
    let http = &one["given"]["http"];
    Operation {
        name: leaked(name),
        input,
        output: if output { input } else { None },
        result_wrapper: leaked(&wrapper),
        method: leaked(text(http, "method").unwrap_or("POST")),
        uri: leaked(text(http, "requestUri").unwrap_or("/")),
        status: http["responseCode"].as_u64().unwrap_or(200) as u16,
        errors: &[],
        auth: Auth::Signed,
    }
}

fn input(protocol: Protocol, suite: &Value, one: &Value) -> Option<&'static str> {
    let id = text(one, "id").expect("an id");
    let sent = &one["serialized"];
    let Some(body) = text(sent, "body") else {
        return Some("the case has no body");
    };
    let table = end(suite, one, "input");
    let uri = text(sent, "uri").unwrap_or("/");
    let (path, query) = uri.split_once('?').unwrap_or((uri, ""));
    let headers: Vec<(&str, &[u8])> = sent["headers"]
        .as_object()
        .into_iter()
        .flatten()
        .filter_map(|(name, value)| Some((name.as_str(), value.as_str()?.as_bytes())))
        .collect();
    let incoming = Incoming { path, query, headers: &headers, body: body.as_bytes() };
    let operation = operation(one, table, false);
    let codec = codec(protocol).expect("a served protocol");
    let record = codec.decode(&operation, &incoming).unwrap_or_else(|e| panic!("{id}: {e}"));
    let mut wanted = one["params"].clone();
    if let (Some(table), "{}") = (table.filter(|table| !table.payload.is_empty()), body) {
        // A structure that is not there is sent as an empty one.
        wanted[table.payload] = json!({});
    }
    drop_nulls(&mut wanted);
    assert_eq!(plain(&record), wanted, "{id}");
    None
}

fn drop_nulls(value: &mut Value) {
    if let Value::Object(members) = value {
        members.retain(|_, value| !value.is_null());
        members.values_mut().for_each(drop_nulls);
    }
}

/// A record as the cases write parameters.
fn plain(record: &Record<'_>) -> Value {
    let members = record
        .entries()
        .filter_map(|(member, value)| Some((member.name.to_owned(), plain_value(value?))));
    Value::Object(members.collect())
}

fn plain_value(value: &Held<'_>) -> Value {
    match value {
        Held::Str(text) => json!(text),
        Held::Blob(blob) => json!(String::from_utf8_lossy(blob.as_ref())),
        Held::Bool(flag) => json!(flag),
        Held::Int(number) => json!(number),
        Held::Double(number) if number.is_finite() => json!(number),
        Held::Double(number) if number.is_nan() => json!("NaN"),
        Held::Double(number) => json!(if *number > 0.0 { "Infinity" } else { "-Infinity" }),
        Held::Time(millis) if millis % 1_000 == 0 => json!(millis / 1_000),
        Held::Time(millis) => json!(*millis as f64 / 1_000.0),
        Held::List(items) => items.iter().map(plain_value).collect(),
        Held::Map(entries) => {
            entries.iter().map(|(key, item)| (key.to_string(), plain_value(item))).collect()
        }
        Held::Struct(record) => plain(record),
        Held::Null => Value::Null,
    }
}

/// A record from what the cases say a client must find.
fn record(table: &'static Structure, from: &Value) -> Record<'static> {
    let mut record = Record::new(table);
    for (name, value) in from.as_object().into_iter().flatten() {
        let position = table.position(name).unwrap_or_else(|| panic!("no member {name}"));
        record.set(position, value_of(&table.members[position].shape, value));
    }
    record
}

fn value_of(shape: &Shape, from: &Value) -> Held<'static> {
    let string = || from.as_str().expect("a string").to_owned();
    match shape {
        Shape::Str(_) => Held::Str(Cow::Owned(string())),
        Shape::Blob(_) => Held::Blob(Blob::from(string().into_bytes())),
        Shape::Bool => Held::Bool(from.as_bool().expect("a boolean")),
        Shape::Int(_) => Held::Int(from.as_i64().expect("a whole number")),
        Shape::Double(_) => Held::Double(match from.as_str() {
            Some("NaN") => f64::NAN,
            Some("Infinity") => f64::INFINITY,
            Some(_) => f64::NEG_INFINITY,
            None => from.as_f64().expect("a number"),
        }),
        Shape::Time(_) => Held::Time((from.as_f64().expect("seconds") * 1_000.0).round() as i64),
        Shape::List(list) => {
            let items = from.as_array().expect("a list").iter();
            Held::List(items.map(|item| value_of(&list.member, item)).collect())
        }
        Shape::Map(map) => {
            let entries = from.as_object().expect("a map").iter();
            Held::Map(
                entries
                    .map(|(key, item)| (Cow::Owned(key.clone()), value_of(&map.value, item)))
                    .collect(),
            )
        }
        Shape::Struct(table) => Held::Struct(record(table, from)),
    }
}

fn output(protocol: Protocol, suite: &Value, one: &Value) -> Option<&'static str> {
    let id = text(one, "id").expect("an id");
    if let Some((_, reason)) = OTHER_FORM.iter().find(|(part, _)| id.contains(part)) {
        return Some(reason);
    }
    let codec = codec(protocol).expect("a served protocol");
    let mut out = Vec::new();
    if one.get("error").is_some() {
        let status = one["response"]["status_code"].as_u64().expect("a status") as u16;
        let code = text(one, "errorCode").expect("a code");
        let name = text(&one["given"]["errors"][0], "shape").expect("an error shape");
        let table = structure(&suite["shapes"], name, &mut Vec::new()).expect("a table");
        let service = service(protocol, "", Some((code, status, table)));
        let mut fault = Fault::of(service, code.to_owned());
        assert_eq!(fault.status, status, "{id}");
        let mut detail = record(table, &one["error"]);
        let position = table.position("Message").or(table.position("message"));
        if let Some(Held::Str(message)) = position.and_then(|position| detail.take(position)) {
            fault = fault.with_message(message.into_owned());
        }
        fault = fault.with_detail(detail);
        codec.encode_fault(service, &fault, "foo-id", &mut out);
    } else {
        let table = end(suite, one, "output");
        let operation = operation(one, table, true);
        let record = table.map(|table| record(table, &one["result"]));
        let service = service(protocol, "https://example.com/", None);
        codec.encode(service, &operation, record.as_ref(), "foo-id", &mut out);
        let head = codec.head(&operation, record.as_ref());
        let response = &one["response"];
        assert_eq!(Some(head.status.into()), response["status_code"].as_u64(), "{id}");
        for (name, value) in &head.headers {
            let plain = response["headers"].get(*name).and_then(Value::as_str);
            assert_eq!(plain, Some(value.as_str()), "{id}: {name}");
        }
    }
    let out = String::from_utf8(out).expect("answers are UTF-8");
    let theirs = text(&one["response"], "body").unwrap_or_default();
    if protocol == Protocol::RestJson && serde_json::from_str::<Value>(theirs).is_err() {
        assert_eq!(out, theirs, "{id}: one member is the whole body");
        return None;
    }
    compare(id, protocol, &out, theirs)
}

/// An error's code as clients take it, without the namespace that JSON 1.0's cases give it.
fn bare(code: &str) -> &str {
    let code = code.split_once('#').map_or(code, |(_, code)| code);
    code.split_once(':').map_or(code, |(code, _)| code)
}

fn compare(id: &str, protocol: Protocol, ours: &str, theirs: &str) -> Option<&'static str> {
    if theirs.is_empty() {
        return match protocol {
            Protocol::Query => Some("the case lets the body be empty; AWS and we send metadata"),
            _ if ours.is_empty() || ours == "{}" => None,
            _ => panic!("{id}: {ours}"),
        };
    }
    if protocol == Protocol::Query {
        // Smithy ignores the element name of a flattened list. The models that botocore carries
        // rely on it (SQS's `AttributeName.1`), and botocore passes this case over for that reason.
        let smithy = "<flattenedList>hi</flattenedList><flattenedList>bye</flattenedList>";
        let ours = match id {
            "QueryXmlLists" => ours.replace("<item>hi</item><item>bye</item>", smithy),
            _ => ours.to_owned(),
        };
        let ours = xml_tree::parse(&ours).without("ResponseMetadata").sorted();
        assert_eq!(ours, xml_tree::parse(theirs).sorted(), "{id}");
    } else {
        let parse = |text: &str| {
            // An operation without an output has an empty body, as KMS sends it.
            let text = if text.is_empty() { "{}" } else { text };
            let mut body: Value = serde_json::from_str(text).expect("JSON");
            if let Some(Value::String(code)) = body.get_mut("__type") {
                *code = bare(code).to_owned();
            }
            body
        };
        assert_eq!(parse(ours), parse(theirs), "{id}");
    }
    None
}

#[test]
fn json_1_1_inputs_are_read() {
    run("input/json.json", Protocol::Json11, input);
}

#[test]
fn json_1_0_inputs_are_read() {
    run("input/json_1_0.json", Protocol::Json10, input);
}

#[test]
fn query_inputs_are_read() {
    run("input/query.json", Protocol::Query, input);
}

#[test]
fn json_1_1_outputs_are_written() {
    run("output/json.json", Protocol::Json11, output);
}

#[test]
fn json_1_0_outputs_are_written() {
    run("output/json_1_0.json", Protocol::Json10, output);
}

#[test]
fn query_outputs_are_written() {
    run("output/query.json", Protocol::Query, output);
}

#[test]
fn rest_json_inputs_are_read() {
    run("input/rest-json.json", Protocol::RestJson, input);
}

#[test]
fn rest_json_outputs_are_written() {
    run("output/rest-json.json", Protocol::RestJson, output);
}

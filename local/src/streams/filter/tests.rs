//! Filter patterns, by example and by what must hold for all of them.

use super::*;
use proptest::prelude::*;
use serde_json::json;

fn wants(pattern: Value, record: &Value) -> bool {
    Filter::parse([pattern.to_string().as_str()]).unwrap().wants(record)
}

fn refused(pattern: &str) -> String {
    Filter::parse([pattern]).unwrap_err().to_string()
}

fn record() -> Value {
    json!({
        "eventName": "INSERT",
        "dynamodb": {
            "Keys": {"pk": {"S": "ERASE#7"}},
            "NewImage": {"tags": {"SS": ["a", "b"]}, "list": {"L": [{"S": "x"}, {"N": "1"}]}, "none": {"NULL": true}},
            "SizeBytes": 120,
        },
    })
}

#[test]
fn exact_values_are_told_apart_by_type() {
    let is = |wanted: Value| wants(json!({"v": [wanted]}), &json!({"v": 300}));
    assert!(is(json!(300)));
    assert!(!is(json!("300")) && !is(json!(300.0)) && !is(json!(null)) && !is(json!(true)));
    assert!(wants(json!({"v": [null]}), &json!({"v": null})));
    assert!(!wants(json!({"v": [null]}), &json!({})));
    assert!(wants(json!({"v": [""]}), &json!({"v": ""})));
    assert!(wants(json!({"v": [1, "two", true]}), &json!({"v": true})));
}

#[test]
fn every_test_does_what_it_says() {
    for (pattern, matches) in [
        (json!({"eventName": ["INSERT", "MODIFY"]}), true),
        (json!({"eventName": ["REMOVE"]}), false),
        (json!({"dynamodb": {"Keys": {"pk": {"S": [{"prefix": "ERASE#"}]}}}}), true),
        (json!({"dynamodb": {"Keys": {"pk": {"S": [{"prefix": "USER#"}]}}}}), false),
        (json!({"dynamodb": {"Keys": {"pk": {"S": [{"suffix": "#7"}]}}}, "eventName": ["INSERT"]}), true),
        (json!({"dynamodb": {"Keys": {"pk": {"S": [{"suffix": "#7"}]}}}, "eventName": ["MODIFY"]}), false),
        (json!({"eventName": [{"equals-ignore-case": "insert"}]}), true),
        (json!({"dynamodb": {"NewImage": {"tags": {"SS": ["b"]}}}}), true),
        (json!({"dynamodb": {"NewImage": {"list": {"L": {"S": ["x"]}}}}}), true),
        (json!({"dynamodb": {"NewImage": {"list": {"L": {"S": ["y"]}}}}}), false),
        (json!({"dynamodb": {"NewImage": {"none": {"NULL": [true]}}}}), true),
        (json!({"dynamodb": {"NewImage": {"none": {"S": [{"exists": false}]}}}}), true),
        (json!({"dynamodb": {"OldImage": {"none": {"S": [{"exists": false}]}}}}), true),
        (json!({"dynamodb": {"OldImage": {"none": {"S": [{"exists": true}]}}}}), false),
        // A field with fields of its own has no value.
        (json!({"dynamodb": {"NewImage": [{"exists": true}]}}), false),
        (json!({"eventName": [{"anything-but": "INSERT"}]}), false),
        (json!({"eventName": [{"anything-but": ["MODIFY", "REMOVE"]}]}), true),
        (json!({"eventName": [{"anything-but": {"prefix": "IN"}}]}), false),
        (json!({"eventName": [{"anything-but": {"suffix": "FY"}}]}), true),
        (json!({"missing": [{"anything-but": "x"}]}), false),
        (json!({"dynamodb": {"SizeBytes": [{"numeric": [">", 100, "<=", 120]}]}}), true),
        (json!({"dynamodb": {"SizeBytes": [{"numeric": ["<", 120]}]}}), false),
        (json!({"dynamodb": {"SizeBytes": [{"numeric": ["=", 120.0]}]}}), true),
        // A number of DynamoDB's is a text.
        (json!({"dynamodb": {"NewImage": {"list": {"L": {"N": [{"numeric": ["=", 1]}]}}}}}), false),
        (json!({"eventName": {"deeper": ["INSERT"]}}), false),
    ] {
        assert_eq!(wants(pattern.clone(), &record()), matches, "{pattern}");
    }
}

#[test]
fn what_is_not_known_is_refused_with_its_pattern() {
    for (pattern, said) in [
        ("{", "the pattern {"),
        ("[]", "must be an object"),
        ("{}", "says nothing"),
        (r#"{"a": "b"}"#, "must stand in a list"),
        (r#"{"a": []}"#, "matches nothing"),
        (r#"{"a": [["b"]]}"#, "is no text"),
        (r#"{"a": [{"wildcard": "*"}]}"#, "wildcard"),
        (r#"{"a": [{"cidr": "10.0.0.0/8"}]}"#, "cidr"),
        (r#"{"a": [{"prefix": 1}]}"#, "prefix"),
        (r#"{"a": [{"exists": "yes"}]}"#, "exists"),
        (r#"{"a": [{"anything-but": {"wildcard": "*"}}]}"#, "anything-but"),
        (r#"{"a": [{"anything-but": []}]}"#, "anything-but"),
        (r#"{"a": [{"numeric": ["~", 1]}]}"#, "numeric"),
        (r#"{"a": [{"numeric": ["="]}]}"#, "numeric"),
        (r#"{"a": [{"prefix": "a", "suffix": "b"}]}"#, "one operator"),
        (r#"{"$or": [{"a": [1]}, {"b": [1]}]}"#, "$or"),
    ] {
        assert!(refused(pattern).contains(said), "{}", refused(pattern));
    }
}

/// Values as records have them: objects, lists and scalars, never an empty object or list.
fn value() -> impl Strategy<Value = Value> {
    let scalar = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i32>().prop_map(Value::from),
        "[a-c]{0,4}".prop_map(Value::from),
    ];
    scalar.prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone().prop_filter("a scalar", |v| !v.is_object() && !v.is_array()), 1..3)
                .prop_map(Value::from),
            object(inner),
        ]
    })
}

fn object(inner: impl Strategy<Value = Value>) -> impl Strategy<Value = Value> {
    prop::collection::btree_map("[a-d]", inner, 1..4).prop_map(|fields| fields.into_iter().collect())
}

/// The pattern that names every value of `value`.
fn exactly(value: &Value) -> Value {
    match value {
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), exactly(value))).collect(),
        Value::Array(items) => items.clone().into(),
        scalar => json!([scalar]),
    }
}

proptest! {
    #[test]
    fn a_record_matches_the_pattern_of_its_own_values(record in object(value())) {
        prop_assert!(wants(exactly(&record), &record));
    }

    #[test]
    fn a_pattern_matches_only_what_has_its_values(one in object(value()), other in object(value())) {
        // Whatever matches a pattern has each of its fields.
        let has_fields = one.as_object().unwrap().keys().all(|name| other.get(name).is_some());
        prop_assert!(has_fields || !wants(exactly(&one), &other));
    }

    #[test]
    fn several_filters_are_one_or_the_other(one in object(value()), other in object(value()), record in object(value())) {
        let (one, other) = (exactly(&one).to_string(), exactly(&other).to_string());
        let both = Filter::parse([one.as_str(), other.as_str()]).unwrap();
        let each = |text: &str| Filter::parse([text]).unwrap().wants(&record);
        prop_assert_eq!(both.wants(&record), each(&one) || each(&other));
        prop_assert!(Filter::default().wants(&record));
    }

    #[test]
    fn a_test_and_its_opposite_part_the_values(text in "[a-c]{0,5}", part in "[a-c]{0,2}") {
        let record = json!({"v": text});
        for test in [json!({"prefix": part}), json!({"suffix": part})] {
            let opposite = json!({"anything-but": test});
            prop_assert_ne!(wants(json!({"v": [test]}), &record), wants(json!({"v": [opposite]}), &record));
        }
        prop_assert_ne!(wants(json!({"v": [part]}), &record), wants(json!({"v": [{"anything-but": part}]}), &record));
        prop_assert_eq!(wants(json!({"v": [{"prefix": part}]}), &record), text.starts_with(&part));
        for field in ["v", "w"] {
            let exists = |is: bool| wants(json!({field: [{"exists": is}]}), &record);
            prop_assert_ne!(exists(true), exists(false));
        }
    }
}

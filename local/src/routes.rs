//! Finds the route of a request, by the rules of HTTP APIs.

use crate::Error;
use hyper::Method;
use percent_encoding::percent_decode_str;
use std::collections::BTreeMap;

/// Routes in the order in which they are tried. Each has a target `T`.
pub struct Routes<T>(Vec<Route<T>>);

impl<T> Default for Routes<T> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

struct Route<T> {
    /// The route key in events: `GET /api/links/{slug}`, or `$default`.
    key: String,
    /// `None` for any method.
    method: Option<Method>,
    pattern: Vec<Segment>,
    target: T,
}

/// In the order of precedence: the more exact one is tried first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Segment {
    Text(String),
    /// `{name}`: one segment with at least one character.
    One(String),
    /// `{name+}`: one segment or more.
    Rest(String),
    /// `$default`: any path.
    Anything,
}

/// The route of a request.
#[derive(Debug)]
pub struct Found<'r, T> {
    /// The route key in events.
    pub key: &'r str,
    pub target: &'r T,
    /// Path parameters, percent-decoded.
    pub parameters: BTreeMap<&'r str, String>,
}

impl<T> Routes<T> {
    /// Routes from `(method, path, target)`. A route without a path is `$default`.
    pub fn new(routes: impl IntoIterator<Item = (String, Option<String>, T)>) -> Result<Self, Error> {
        let mut routes = routes.into_iter().map(Route::parse).collect::<Result<Vec<_>, _>>()?;
        routes.sort_by(|one, other| one.precedence().cmp(&other.precedence()));
        match routes.windows(2).find(|pair| pair[0].key == pair[1].key) {
            Some(pair) => Err(Error::new(format!("two functions have the route {}", pair[0].key))),
            None => Ok(Self(routes)),
        }
    }

    /// The routes' keys.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|route| route.key.as_str())
    }

    /// The most exact route for a method and a percent-encoded path.
    pub fn find(&self, method: &Method, path: &str) -> Option<Found<'_, T>> {
        let segments: Vec<&str> = path.split('/').skip(1).collect();
        self.0.iter().filter(|route| route.method.as_ref().is_none_or(|only| only == method)).find_map(|route| {
            let parameters = route.parameters(&segments)?;
            Some(Found { key: &route.key, target: &route.target, parameters })
        })
    }
}

impl<T> Route<T> {
    fn parse((method, path, target): (String, Option<String>, T)) -> Result<Self, Error> {
        let Some(path) = path else {
            return Ok(Self { key: "$default".into(), method: None, pattern: vec![Segment::Anything], target });
        };
        let method = method.to_ascii_uppercase();
        let key = format!("{method} {path}");
        let wrong = |why: &str| Error::new(format!("route {key}: {why}"));
        let segments = path.strip_prefix('/').ok_or_else(|| wrong("a path starts with a slash"))?;
        let pattern: Vec<Segment> = segments.split('/').map(Segment::parse).collect();
        if pattern.iter().rev().skip(1).any(|segment| matches!(segment, Segment::Rest(_))) {
            return Err(wrong("only the last segment can be greedy"));
        }
        let method = match method.as_str() {
            "ANY" => None,
            name => Some(name.parse().map_err(|_| wrong("this is no HTTP method"))?),
        };
        Ok(Self { key, method, pattern, target })
    }

    /// The path is compared first, segment by segment, then the method.
    fn precedence(&self) -> (&[Segment], bool) {
        (&self.pattern, self.method.is_none())
    }

    /// The path parameters, if the path matches the route.
    fn parameters(&self, mut segments: &[&str]) -> Option<BTreeMap<&str, String>> {
        let mut parameters = BTreeMap::new();
        for segment in &self.pattern {
            match (segment, segments) {
                (Segment::Anything, _) => return Some(parameters),
                (Segment::Text(text), [first, ..]) if decoded(first) == *text => {}
                (Segment::One(name), [first, ..]) if !first.is_empty() => {
                    parameters.insert(name.as_str(), decoded(first));
                }
                (Segment::Rest(name), [first, rest @ ..]) if !first.is_empty() || !rest.is_empty() => {
                    parameters.insert(name.as_str(), decoded(&segments.join("/")));
                    return Some(parameters);
                }
                _ => return None,
            }
            segments = &segments[1..];
        }
        segments.is_empty().then_some(parameters)
    }
}

impl Segment {
    fn parse(text: &str) -> Self {
        match text.strip_prefix('{').and_then(|text| text.strip_suffix('}')) {
            Some(name) => match name.strip_suffix('+') {
                Some(name) => Self::Rest(name.into()),
                None => Self::One(name.into()),
            },
            None => Self::Text(text.into()),
        }
    }
}

/// Percent-decodes a part of a path. The caller has checked that the result is UTF-8.
pub fn decoded(part: &str) -> String {
    percent_decode_str(part).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Routes that lead to their own keys.
    fn routes(keys: &[&str]) -> Routes<String> {
        let route = |key: &&str| match key.split_once(' ') {
            Some((method, path)) => (method.to_owned(), Some(path.to_owned()), key.to_string()),
            None => (String::new(), None, key.to_string()),
        };
        Routes::new(keys.iter().map(route)).unwrap()
    }

    fn found(routes: &Routes<String>, method: Method, path: &str) -> String {
        routes.find(&method, path).map_or_else(|| "nothing".into(), |found| found.target.clone())
    }

    #[test]
    fn the_most_exact_path_wins_then_the_exact_method() {
        let routes = routes(&[
            "$default",
            "ANY /{proxy+}",
            "GET /pets/{proxy+}",
            "GET /pets/dog/{id}",
            "ANY /pets/dog/1",
            "GET /pets/dog/1",
        ]);
        assert_eq!(found(&routes, Method::GET, "/pets/dog/1"), "GET /pets/dog/1");
        assert_eq!(found(&routes, Method::POST, "/pets/dog/1"), "ANY /pets/dog/1");
        assert_eq!(found(&routes, Method::GET, "/pets/dog/2"), "GET /pets/dog/{id}");
        assert_eq!(found(&routes, Method::GET, "/pets/cat/1"), "GET /pets/{proxy+}");
        assert_eq!(found(&routes, Method::POST, "/pets/cat/1"), "ANY /{proxy+}");
        assert_eq!(found(&routes, Method::GET, "/"), "$default");
    }

    #[test]
    fn a_less_exact_route_with_the_method_answers_when_the_exact_one_has_another() {
        let routes = routes(&["GET /links/new", "POST /links/{slug}"]);
        assert_eq!(found(&routes, Method::POST, "/links/new"), "POST /links/{slug}");
        assert_eq!(found(&routes, Method::DELETE, "/links/new"), "nothing");
        assert_eq!(found(&routes, Method::HEAD, "/links/new"), "nothing");
    }

    #[test]
    fn a_trailing_slash_is_another_path() {
        let routes = routes(&["GET /a", "GET /a/{b}"]);
        assert_eq!(found(&routes, Method::GET, "/a"), "GET /a");
        assert_eq!(found(&routes, Method::GET, "/a/"), "nothing");
        assert_eq!(found(&routes, Method::GET, "/a/b/"), "nothing");
        assert_eq!(found(&routes, Method::GET, "//a"), "nothing");
    }

    #[test]
    fn path_parameters_are_decoded_and_a_slash_in_one_does_not_split_it() {
        let routes = routes(&["GET /a/{one}/{rest+}"]);
        let found = routes.find(&Method::GET, "/a/x%2Fy%20%C3%A9/1/%32/").unwrap();
        assert_eq!(found.parameters["one"], "x/y é");
        assert_eq!(found.parameters["rest"], "1/2/");
    }

    #[test]
    fn impossible_routes_are_refused() {
        let route = |method: &str, path: &str| (method.to_owned(), Some(path.to_owned()), ());
        assert!(Routes::new([route("GET", "a")]).is_err());
        assert!(Routes::new([route("GET", "/{a+}/b")]).is_err());
        assert!(Routes::new([route("GET", "/a"), route("get", "/a")]).is_err());
    }
}

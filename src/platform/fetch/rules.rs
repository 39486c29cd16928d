//! Which URLs may be fetched at all.

use std::net::IpAddr;

use url::{Host, Url};

use super::address::is_public;

/// What may be fetched: pages of the public internet, and what the operator names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rules {
    /// Ports that pages are fetched from.
    pub ports: Vec<u16>,
    /// `host:port` for which neither the ports nor the addresses are looked at: the operator's own.
    pub hosts: Vec<String>,
}

impl Default for Rules {
    fn default() -> Self {
        Self {
            ports: vec![80, 443],
            hosts: Vec::new(),
        }
    }
}

/// Names that mean this machine or this network (RFC 6761, 6762, 8375 and 9476's neighbour `internal`).
const LOCAL_NAMES: [&str; 4] = ["localhost", "local", "internal", "home.arpa"];

impl Rules {
    /// The URL, if a page may be fetched from it; else why not, for the one who wrote it. A name is looked up
    /// later, and its addresses are looked at then.
    pub fn check(&self, text: &str) -> Result<Url, &'static str> {
        let broken = "This is no whole http or https address.";
        // The parser would leave them out, and what is kept is the text.
        if text.contains(|c: char| c.is_control() || c.is_whitespace()) {
            return Err(broken);
        }
        let url = Url::parse(text).map_err(|_| broken)?;
        self.check_url(&url).map(|()| url)
    }

    pub(super) fn check_url(&self, url: &Url) -> Result<(), &'static str> {
        if !matches!(url.scheme(), "http" | "https") {
            return Err("A page is fetched by http or https only.");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Err("Take user and password out of the address.");
        }
        let Some(host) = url.host() else {
            return Err("This address has no host.");
        };
        if self.is_exempt(url) {
            return Ok(());
        }
        let port = url.port_or_known_default().unwrap_or_default();
        if !self.ports.contains(&port) {
            return Err("No pages are fetched from this port.");
        }
        let public = match host {
            Host::Ipv4(address) => is_public(IpAddr::V4(address)),
            Host::Ipv6(address) => is_public(IpAddr::V6(address)),
            Host::Domain(name) => is_public_name(name),
        };
        if public {
            Ok(())
        } else {
            Err("This is no address on the public internet.")
        }
    }

    /// Whether the operator has named this host and port.
    pub(super) fn is_exempt(&self, url: &Url) -> bool {
        let (Some(host), Some(port)) = (url.host_str(), url.port_or_known_default()) else {
            return false;
        };
        let place = format!("{host}:{port}");
        self.hosts.iter().any(|h| h.eq_ignore_ascii_case(&place))
    }
}

/// Whether a name may be one of the public internet: not of this machine or network, and with a dot in it.
fn is_public_name(name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let is_local = LOCAL_NAMES.iter().any(|local| {
        name.strip_suffix(local)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    });
    !is_local && name.contains('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_spelling_of_a_private_address_is_fetched() {
        let rules = Rules::default();
        for text in [
            "http://127.0.0.1/",
            "http://127.1/",
            "http://2130706433/",
            "http://0x7f000001/",
            "http://0x7f.1/",
            "http://0177.0.0.1/",
            "http://017700000001/",
            "http://127.0.0.1./",
            "http://127.0.0.1:443/",
            "http://①②⑦.0.0.1/",
            "http://127。0。0。1/",
            "http://%31%32%37.0.0.1/",
            "http://0/",
            "http://0.0.0.0/",
            "http://[::1]/",
            "http://[::]/",
            "http://[0:0:0:0:0:0:0:1]/",
            "http://[::ffff:127.0.0.1]/",
            "http://[::ffff:7f00:1]/",
            "http://[::127.0.0.1]/",
            "http://[64:ff9b::127.0.0.1]/",
            "http://[64:ff9b::a9fe:a9fe]/",
            "http://[2002:7f00:1::]/",
            "http://[2001:0:7f00:1::]/",
            "http://[fe80::1]/",
            "http://[fd00::1]/",
            "http://[ff02::1]/",
            "http://10.0.0.1/",
            "http://192.168.1.1/",
            "http://172.16.0.1/",
            "http://169.254.169.254/latest/meta-data/",
            "http://2852039166/",
            "http://100.64.0.1/",
            "http://198.18.0.1/",
            "http://255.255.255.255/",
            "http://localhost/",
            "http://LOCALHOST/",
            "http://localhost./",
            "http://a.localhost/",
            "http://ⓛocalhost/",
            "http://printer.local/",
            "http://metadata.google.internal/",
            "http://intranet/",
            "https://router.home.arpa/",
            "http://user@example.com/",
            "http://user:pass@example.com/",
            "http://:pass@example.com/",
            "http://example.com:22/",
            "https://example.com:8443/",
            "file:///etc/passwd",
            "gopher://example.com/",
            "ftp://example.com/",
            "javascript:alert(1)",
            "data:text/html,x",
            "http://",
            "http:///",
            "//example.com/",
            "/etc/passwd",
            "",
            " http://example.com/",
            "http://exa\nmple.com/",
        ] {
            assert!(rules.check(text).is_err(), "{text}");
        }
    }

    #[test]
    fn public_pages_are_fetched() {
        let rules = Rules::default();
        for text in [
            "http://example.com/",
            "https://example.com:443/a?b#c",
            "http://example.com.:80/",
            "http://1.1.1.1/",
            "https://[2606:4700::1111]/",
            "https://localhost.example.com/",
            "https://新闻.中国/a",
        ] {
            assert!(rules.check(text).is_ok(), "{text}");
        }
    }

    #[test]
    fn an_operator_opens_one_port_of_one_host() {
        let rules = Rules {
            hosts: vec!["wiki.corp:8080".to_owned(), "[::1]:9000".to_owned()],
            ..Rules::default()
        };
        assert!(rules.check("http://WIKI.corp:8080/page").is_ok());
        assert!(rules.check("http://[0::1]:9000/").is_ok());
        for text in [
            "http://wiki.corp:8081/",
            "http://a.wiki.corp:8080/",
            "ftp://wiki.corp:8080/",
        ] {
            assert!(rules.check(text).is_err(), "{text}");
        }
    }
}

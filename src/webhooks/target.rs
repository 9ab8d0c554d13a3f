//! Where webhooks go: `https`, and nowhere inside. What an address says is looked at when it is given; what a name leads to,
//! at each connection.

use std::future::Future;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::Pin;
use std::str::FromStr;
use std::sync::Arc;

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};

/// Networks of IPv4 that are not the internet (IANA special-purpose registry), and the address under which Azure's
/// machines reach what manages them.
const INSIDE_V4: &[(Ipv4Addr, u8)] = &[
    (Ipv4Addr::UNSPECIFIED, 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(168, 63, 129, 16), 32),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(224, 0, 0, 0), 3),
];

/// Of IPv6 the internet is `2000::/3`, but for these: protocols with Teredo, documentation, 6to4.
const GLOBAL_V6: (Ipv6Addr, u8) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);
const INSIDE_V6: &[(Ipv6Addr, u8)] = &[
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

/// Names that lead nowhere but inside.
const INSIDE_NAMES: &[&str] = &["localhost", "local", "localdomain", "internal", "intranet", "lan", "home", "corp", "private", "arpa"];

/// Whether an address is one of the internet.
pub fn is_public(address: IpAddr) -> bool {
    let v4 = |&(network, bits): &(Ipv4Addr, u8), address| Ipv4Net::new_assert(network, bits).contains(&address);
    let v6 = |&(network, bits): &(Ipv6Addr, u8), address| Ipv6Net::new_assert(network, bits).contains(&address);
    match address {
        IpAddr::V4(address) => !INSIDE_V4.iter().any(|network| v4(network, address)),
        IpAddr::V6(address) => v6(&GLOBAL_V6, address) && !INSIDE_V6.iter().any(|network| v6(network, address)),
    }
}

/// What webhooks may reach all the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Allowed {
    /// Addresses, at any port.
    Network(IpNet),
    Address(SocketAddr),
    /// A name, whatever it leads to.
    Name(String, Option<u16>),
}

impl FromStr for Allowed {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if let Some(network) = text.parse().ok().or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from)) {
            return Ok(Self::Network(network));
        }
        if let Ok(address) = text.parse() {
            return Ok(Self::Address(address));
        }
        let (name, port) = match text.split_once(':') {
            Some((name, port)) => (name, port.parse().ok().filter(|port| *port > 0).map(Some)),
            None => (text, Some(None)),
        };
        let of_a_name = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
        match port {
            // What only looks like a name would be an address to whoever connects.
            Some(port) if name.contains(|c: char| c.is_ascii_alphabetic()) && !name.starts_with("0x") && name.chars().all(of_a_name) => {
                Ok(Self::Name(name.trim_end_matches('.').to_ascii_lowercase(), port))
            }
            _ => Err("expected an address, a network or a name, each but a network with or without a port, like 127.0.0.1:9000".into()),
        }
    }
}

/// Why an address is not one for webhooks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    #[error("Must be an https address.")]
    NotHttps,
    #[error("Must not hold a user name or a password.")]
    Credentials,
    #[error("Must not have a fragment.")]
    Fragment,
    #[error("Must not lead to a loopback, private or otherwise internal address.")]
    Internal,
}

impl Refusal {
    /// As problems name it.
    pub fn code(self) -> &'static str {
        match self {
            Self::NotHttps => "not_https",
            Self::Credentials => "credentials",
            Self::Fragment => "fragment",
            Self::Internal => "internal_address",
        }
    }
}

/// Where webhooks may go.
#[derive(Clone, Debug)]
pub struct Targets(Arc<[Allowed]>);

impl Targets {
    pub fn new(allowed: &[Allowed]) -> Self {
        Self(allowed.into())
    }

    /// The address, if webhooks may go there as far as it shows by itself.
    ///
    /// # Errors
    /// Why they may not.
    pub fn parse(&self, url: &str) -> Result<Url, Refusal> {
        let url: Url = url.parse().map_err(|_| Refusal::NotHttps)?;
        if !url.username().is_empty() || url.password().is_some() {
            return Err(Refusal::Credentials);
        }
        let (host, port) = (url.host_str().unwrap_or_default(), url.port_or_known_default().unwrap_or_default());
        let name = host.trim_end_matches('.');
        // The parser has made one of whatever a connection would take for one: 0x7f.1, 2130706433, digits of full width.
        let literal = if url.domain().is_none() { host.trim_start_matches('[').trim_end_matches(']').parse::<IpAddr>().ok() } else { None };
        let allowed = self.0.iter().any(|allowed| match allowed {
            Allowed::Network(network) => literal.is_some_and(|address| network.contains(&address)),
            Allowed::Address(address) => literal == Some(address.ip()) && port == address.port(),
            Allowed::Name(known, at) => literal.is_none() && known == name && at.is_none_or(|at| at == port),
        });
        if url.scheme() != "https" && !(allowed && url.scheme() == "http") {
            return Err(Refusal::NotHttps);
        }
        if url.fragment().is_some() {
            return Err(Refusal::Fragment);
        }
        let outside = match literal {
            Some(address) => is_public(address),
            None => name.rsplit_once('.').is_some_and(|(_, last)| !INSIDE_NAMES.contains(&last)) && !self.names(name),
        };
        if allowed || outside { Ok(url) } else { Err(Refusal::Internal) }
    }

    /// Whether a name is one that is allowed, at whichever port.
    fn names(&self, name: &str) -> bool {
        self.0.iter().any(|allowed| matches!(allowed, Allowed::Name(known, _) if known == name))
    }

    /// Of the addresses that a name leads to, those to which a connection may go.
    fn outside(&self, name: &str, found: impl Iterator<Item = SocketAddr>) -> Result<Vec<SocketAddr>, Refusal> {
        let named = self.names(name.trim_end_matches('.'));
        let networked = |ip| self.0.iter().any(|allowed| matches!(allowed, Allowed::Network(network) if network.contains(&ip)));
        let safe: Vec<SocketAddr> = found.filter(|found| named || is_public(found.ip()) || networked(found.ip())).collect();
        if safe.is_empty() { Err(Refusal::Internal) } else { Ok(safe) }
    }
}

/// What names lead to.
type Found = Pin<Box<dyn Future<Output = std::io::Result<Vec<SocketAddr>>> + Send>>;

/// Asks the system what a name leads to.
fn of_the_system(name: String) -> Found {
    Box::pin(async move { Ok(tokio::net::lookup_host((name, 0)).await?.collect()) })
}

/// Looks names up and gives out only addresses that were found to be outside: a connection goes to what was looked at,
/// whatever the name leads to a moment later.
#[derive(Clone)]
pub struct Guarded {
    targets: Targets,
    lookup: fn(String) -> Found,
}

impl Guarded {
    pub fn new(targets: Targets) -> Self {
        Self { targets, lookup: of_the_system }
    }
}

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let Self { targets, lookup } = self.clone();
        Box::pin(async move {
            let found = lookup(name.as_str().to_owned()).await?;
            let safe = targets.outside(name.as_str(), found.into_iter())?;
            Ok(Box::new(safe.into_iter()) as Addrs)
        })
    }
}

/// Whether a request failed since its address is inside.
pub fn was_refused(error: &reqwest::Error) -> bool {
    let mut source = std::error::Error::source(error);
    while let Some(cause) = source {
        if cause.is::<Refusal>() {
            return true;
        }
        source = cause.source();
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(allowed: &[&str], url: &str) -> Option<Refusal> {
        let allowed: Vec<Allowed> = allowed.iter().map(|one| one.parse().unwrap()).collect();
        Targets::new(&allowed).parse(url).err()
    }

    #[test]
    fn nothing_inside_is_public_however_it_is_written() {
        for host in [
            "127.0.0.1",
            "127.1",
            "0x7f000001",
            "0x7f.1",
            "2130706433",
            "017700000001",
            "0177.0.0.1",
            "127.0.0.1.",
            "127.255.255.254",
            "0.0.0.0",
            "0",
            "10.0.0.1",
            "172.16.0.1",
            "172.31.255.255",
            "192.168.1.1",
            "169.254.169.254",
            "100.64.0.1",
            "100.127.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "192.88.99.1",
            "198.18.0.1",
            "198.19.255.255",
            "198.51.100.1",
            "203.0.113.1",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "168.63.129.16",
            "１２７.０.０.１",
            "①②⑦.⓪.⓪.①",
            "127。0。0。1",
            "%31%32%37.0.0.1",
            "[::]",
            "[::1]",
            "[0:0:0:0:0:0:0:1]",
            "[::ffff:127.0.0.1]",
            "[::ffff:7f00:1]",
            "[::127.0.0.1]",
            "[64:ff9b::7f00:1]",
            "[64:ff9b:1::1]",
            "[2002:7f00:1::]",
            "[2001::1]",
            "[2001:0:53aa::1]",
            "[fc00::1]",
            "[fd00:ec2::254]",
            "[fe80::1]",
            "[fec0::1]",
            "[ff02::1]",
            "[2001:db8::1]",
            "[3fff::1]",
            "[100::1]",
            "[5f00::1]",
            "[4000::1]",
            "localhost",
            "localhost.",
            "LOCALHOST",
            "foo.localhost",
            "foo.localhost.",
            "intranet",
            "printer.local",
            "metadata.google.internal",
            "router.lan",
            "1.0.0.127.in-addr.arpa",
        ] {
            for url in [format!("https://{host}/"), format!("https://{host}:8443/hook?x=1")] {
                assert_eq!(refusal(&[], &url), Some(Refusal::Internal), "{url}");
            }
        }
    }

    #[test]
    fn what_is_no_https_address_is_refused_too() {
        for (url, why) in [
            ("http://hooks.example/", Refusal::NotHttps),
            ("ftp://hooks.example/", Refusal::NotHttps),
            ("file:///etc/passwd", Refusal::NotHttps),
            ("hooks.example", Refusal::NotHttps),
            ("https://[fe80::1%25eth0]/", Refusal::NotHttps),
            ("https://[::1", Refusal::NotHttps),
            ("https://me:secret@hooks.example/", Refusal::Credentials),
            ("https://hooks.example@127.0.0.1/", Refusal::Credentials),
            ("https://127.0.0.1\\@hooks.example/", Refusal::Internal),
            ("https://hooks.example/#x", Refusal::Fragment),
            ("https://127.0.0.1#@hooks.example/", Refusal::Fragment),
        ] {
            assert_eq!(refusal(&[], url), Some(why), "{url}");
        }
    }

    #[test]
    fn the_internet_is_public() {
        for url in [
            "https://hooks.example/",
            "https://8.8.8.8/",
            "https://[2606:4700::1111]/",
            "https://172.32.0.1/",
            "https://127.0.0.1.example/",
        ] {
            assert_eq!(refusal(&[], url), None, "{url}");
        }
    }

    #[test]
    fn what_is_allowed_is_that_and_nothing_beside_it() {
        for (allowed, url, refused) in [
            ("127.0.0.1:9000", "http://127.0.0.1:9000/", None),
            ("127.0.0.1:9000", "http://127.1:9000/", None),
            ("127.0.0.1:9000", "http://127.0.0.1:9001/", Some(Refusal::NotHttps)),
            ("127.0.0.1:9000", "https://127.0.0.1:9001/", Some(Refusal::Internal)),
            ("127.0.0.1:9000", "http://localhost:9000/", Some(Refusal::NotHttps)),
            ("127.0.0.1:9000", "http://hooks.example/", Some(Refusal::NotHttps)),
            ("10.0.0.0/8", "https://10.1.2.3/", None),
            ("[::1]:9000", "http://[::1]:9000/", None),
            ("mis.internal:8443", "https://mis.internal:8443/", None),
            ("mis.internal:8443", "https://mis.internal/", Some(Refusal::Internal)),
            ("mis.school.example:8443", "https://mis.school.example/", Some(Refusal::Internal)),
        ] {
            assert_eq!(refusal(&[allowed], url), refused, "{allowed} {url}");
        }
        for wrong in ["", "everything here", "127.0.0.1:", "name:0", "127.1", "0x7f000001", "*"] {
            assert!(wrong.parse::<Allowed>().is_err(), "{wrong}");
        }
    }

    fn rebinding(_: String) -> Found {
        Box::pin(async { Ok(["127.0.0.1:0", "[::1]:0", "169.254.169.254:0"].map(|one| one.parse().unwrap()).to_vec()) })
    }

    #[tokio::test]
    async fn a_name_that_leads_inside_is_never_connected_to() {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let guarded = Guarded { targets: Targets::new(&[]), lookup: rebinding };
        let client = reqwest::Client::builder().no_proxy().dns_resolver(guarded).build().unwrap();
        let error = client.get(format!("http://hooks.example:{}/", listener.local_addr().unwrap().port())).send().await.unwrap_err();
        assert!(was_refused(&error), "{error:?}");
        assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock, "nobody has knocked");
    }

    #[test]
    fn of_what_a_name_leads_to_only_what_is_outside_is_given_out() {
        let found = || ["127.0.0.1:0", "8.8.8.8:0"].map(|one| one.parse::<SocketAddr>().unwrap()).into_iter();
        let outside = |allowed: &[&str], name| {
            let allowed: Vec<Allowed> = allowed.iter().map(|one| one.parse().unwrap()).collect();
            Targets::new(&allowed).outside(name, found()).unwrap().len()
        };
        assert_eq!(outside(&[], "hooks.example"), 1);
        assert_eq!(outside(&["127.0.0.1:9000"], "hooks.example"), 1, "an address with a port is no name's");
        assert_eq!(outside(&["127.0.0.0/8"], "hooks.example"), 2);
        assert_eq!(outside(&["hooks.example:9000"], "hooks.example."), 2);
    }
}

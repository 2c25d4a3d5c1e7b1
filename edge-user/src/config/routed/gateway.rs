//! The BGP session of a gateway behind a core port.

use super::{
    super::{BfdTimers, RoutingConfig, keys::Field},
    around::{Around, Reported},
    keys::RawBfd,
};

impl Around<'_> {
    /// The AS of a link's gateway, which is another one than the edge's.
    pub(super) fn gateway_asn(&self, asn: &Field<u32>) -> Field<u32> {
        let own = self.routing.given().and_then(|routing| RoutingConfig::asn(&routing.value));
        asn.and_then(|asn| {
            if own == Some(asn.value) {
                let message =
                    format!("`asn` is {}, the edge's own AS; give the gateway's", asn.value);
                self.errors.add(asn.span, message);
            }
            Some(asn.value)
        })
    }

    /// BFD of a gateway's session, which it has only where the configuration says so.
    pub(super) fn gateway_bfd(
        &self,
        bfd: &Field<RawBfd>,
        asn: &Field<u32>,
    ) -> Result<Option<BfdTimers>, Reported> {
        let bfd = match bfd {
            Field::Absent => return Ok(None),
            Field::Bad => return Err(Reported),
            Field::Given(bfd) => bfd,
        };
        if matches!(asn, Field::Absent) {
            let message = "`bfd` watches the gateway's BGP session, and there is none without `asn`; add that, or \
                           remove this";
            self.errors.add(bfd.span, message.into());
            return Err(Reported);
        }
        let usual = self.routing.given().and_then(|routing| routing.value.bfd);
        Ok(bfd.value.timers(usual))
    }
}

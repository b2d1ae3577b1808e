// The tables [x400], [[x400_peer]] and [[x400_route]] as an Mta. Everything that only a room above config can judge is judged here, at
// start.
#pragma once

#include "config/config.hpp"
#include "mhs/options.hpp"
#include "mts/rules_envelope.hpp"
#include "pki/certificate.hpp"

namespace postern::mhs {

/// Reads passwords and certificates. `own_roots`: trusted for peers that name no trust store, asked at each connection (a sealed key engine
/// has none yet). Errors name table, entry and setting.
using OwnRoots = std::function<std::vector<Certificate>()>;
[[nodiscard]] Result<Mta> mta_of(const config::Config& config, OwnRoots own_roots, const Clock& clock);
[[nodiscard]] mts::Lifetimes lifetimes_of(const config::Config& config);
/// "C=DE;A= ;P=ORG"; BadInput where an attribute is missing or there are others.
[[nodiscard]] Result<mts::GlobalDomainIdentifier> parse_domain(std::string_view text);
/// ASCII, or 'HEX'H. Unset for an empty text.
[[nodiscard]] Result<std::optional<Bytes>> parse_selector(std::string_view text);

}  // namespace postern::mhs

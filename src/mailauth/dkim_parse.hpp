// DKIM-Signature fields and key records as values. Internal to mailauth/.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "crypto/pkey.hpp"
#include "mailauth/dkim.hpp"

namespace postern {

/// Why a signature does not pass: the result and the words that go with it.
struct DkimVerdict {
  DkimResult result = DkimResult::Pass;
  std::string reason;
};

/// RFC 6376 3.5, as far as it could be read: `verdict` is Pass when nothing stands against looking up the key.
struct ParsedSignature {
  DkimVerdict verdict;
  std::string algorithm_text;
  DkimAlgorithm algorithm = DkimAlgorithm::RsaSha256;
  Bytes signature;
  Bytes body_hash;
  CanonicalizationPair canonicalization{Canonicalization::Simple, Canonicalization::Simple};
  std::string domain;                     ///< d=, lower case
  std::string selector;                   ///< s=
  std::string query_name;                 ///< selector._domainkey.domain in A-labels
  std::string identity;                   ///< i= or its default
  std::string identity_domain;            ///< lower case
  std::vector<std::string> names;         ///< h=, lower case
  std::optional<std::uint64_t> length;    ///< l=
  std::optional<std::int64_t> timestamp;  ///< t=
  std::optional<std::int64_t> expiry;     ///< x=
  std::size_t b_begin = 0, b_end = 0;     ///< Of the value of b= in the field's value.
};
[[nodiscard]] ParsedSignature parse_signature(const HeaderField& field);

/// RFC 6376 3.6.1: a key that may be used for a signature, or why not.
struct ParsedKey {
  DkimVerdict verdict;
  std::optional<PublicKey> key;
  bool testing = false;
};
[[nodiscard]] ParsedKey parse_key_record(const std::string& text, const ParsedSignature& signature, const DkimVerifyOptions& options);

}  // namespace postern

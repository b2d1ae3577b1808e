// BER (X.690) by description: decode accepts every form of the standard (indefinite lengths, constructed strings, long forms); encode emits
// definite lengths, primitive strings and minimal integers. Both are total: no input makes them crash, recurse without bound or read past
// the end.
#pragma once

#include "asn1/schema.hpp"

namespace postern::asn1 {

/// Something a peer did that the standard does not allow and that hurts nobody: an alphabet, a size constraint, a 13-digit UTCTime.
struct Quirk {
  std::size_t offset = 0;
  std::string path;
  std::string what;
};

struct DecodeOptions {
  std::size_t depth = 64;  ///< Nested elements; deeper is TooLarge. A setting (limits of contracts: BER depth 64).
  std::size_t elements =
      200'000;          ///< Elements in all; more is TooLarge. What a message of thousands of recipients needs, not what memory holds.
  bool strict = false;  ///< Quirks are errors.
  std::vector<Quirk>* quirks = nullptr;  ///< Where they are noted (at most 100), if anybody wants them.
};

/// Reads one value of `type` from the front of `input`; `used` is the octets it took. Errors: BadInput or TooLarge, `field` the path
/// ("MessageTransferEnvelope.per-recipient-fields[3].recipient-name"), `what` begins with "at octet N: ". `object` points to a
/// default-constructed value of the C++ type described; on error what it holds is unspecified and valid.
[[nodiscard]] Status decode_value(const Type& type, void* object, ByteView input, std::size_t& used, const DecodeOptions& options);
enum class EncodeRules : std::uint8_t {
  Strict,   ///< What a constraint or alphabet forbids is BadInput, with its path. For what is ours.
  Lenient,  ///< Constraints and alphabets do not count: a relay passes on what a peer wrote and decode() took.
};
/// Appends the encoding. What has no encoding at all (an empty OBJECT IDENTIFIER, a broken Any) is refused under either rules.
[[nodiscard]] Status encode_value(const Type& type, const void* object, Bytes& out, EncodeRules rules = EncodeRules::Strict);

/// A whole value, and nothing after it.
template <class T>
[[nodiscard]] Result<T> decode(ByteView input, const DecodeOptions& options = {}, const Type& type = schema(Of<T>{})) {
  T value{};
  std::size_t used = 0;
  POSTERN_CHECK(decode_value(type, &value, input, used, options));
  if (used != input.size())
    return fail(ErrorCode::BadInput, "at octet " + std::to_string(used) + ": more follows after the value", std::string(type.name));
  return value;
}
/// A value from the front; `input` moves past it.
template <class T>
[[nodiscard]] Result<T> decode_front(ByteView& input, const DecodeOptions& options = {}, const Type& type = schema(Of<T>{})) {
  T value{};
  std::size_t used = 0;
  POSTERN_CHECK(decode_value(type, &value, input, used, options));
  input = input.subspan(used);
  return value;
}
template <class T>
[[nodiscard]] Result<Bytes> encode(const T& value, const Type& type = schema(Of<T>{}), EncodeRules rules = EncodeRules::Strict) {
  Bytes out;
  POSTERN_CHECK(encode_value(type, &value, out, rules));
  return out;
}
/// encode() for relays.
template <class T>
[[nodiscard]] Result<Bytes> encode_as_taken(const T& value) {
  return encode(value, schema(Of<T>{}), EncodeRules::Lenient);
}
/// A value as an open one, and back.
template <class T>
[[nodiscard]] Result<Any> to_any(const T& value, const Type& type = schema(Of<T>{}), EncodeRules rules = EncodeRules::Strict) {
  POSTERN_TRY(Bytes ber, encode(value, type, rules));
  return Any{std::move(ber)};
}
template <class T>
[[nodiscard]] Result<T> from_any(const Any& any, const DecodeOptions& options = {}, const Type& type = schema(Of<T>{})) {
  return decode<T>(any.ber, options, type);
}

/// The identifier and length octets of one element, for those who take BER apart themselves (streams, dumps).
struct Header {
  Tag tag;
  bool constructed = false;
  std::optional<std::uint64_t> length;  ///< nullopt: indefinite (X.690 8.1.3.6), always constructed.
  std::size_t octets = 0;               ///< Octets the header itself takes, 2..16.
};
/// nullopt: the header is not whole yet; more octets may make it so.
[[nodiscard]] Result<std::optional<Header>> peek_header(ByteView input);
/// The octets of the whole first element, indefinite forms followed to their end.
[[nodiscard]] Result<std::size_t> element_size(ByteView input, const DecodeOptions& options = {});
/// Appends identifier and definite length octets.
void write_header(Bytes& out, Tag tag, bool constructed, std::uint64_t length);

/// EXTERNAL (X.690 8.18, X.208): what presentation-layer user data and extended body parts travel in.
struct External {
  struct Encoding {
    std::variant<Any, OctetString, BitString> value;  ///< single-ASN1-type [0], octet-aligned [1], arbitrary [2]
    friend bool operator==(const Encoding&, const Encoding&) = default;
  };
  std::optional<Oid> direct_reference;
  std::optional<std::int64_t> indirect_reference;
  std::optional<ObjectDescriptor> data_value_descriptor;
  Encoding encoding;
  friend bool operator==(const External&, const External&) = default;
};
const Type& schema(Of<External::Encoding>);
const Type& schema(Of<External>);

}  // namespace postern::asn1

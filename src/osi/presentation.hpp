// The presentation layer's part (X.226): contexts by object identifier, connect and refuse PPDUs, and values in their contexts. Pure
// functions and one small set; what happens when is the association's business (osi/association.hpp).
//
// Only Basic Encoding (2.1.1) is agreed on. Identifiers are the initiator's odd numbers (X.226 6.2.2.6); answers are matched by position
// with the proposal, and everything else asks by object identifier.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/bytes.hpp"
#include "base/result.hpp"
#include "osi/presentation_pdu.hpp"

namespace postern::osi {

struct PresentationContext {
  std::int64_t id = 0;
  asn1::Oid abstract_syntax;
  bool accepted = false;
  friend bool operator==(const PresentationContext&, const PresentationContext&) = default;
};

/// X.226 5.5 (the defined context set): proposed, then answered once.
class PresentationContexts {
 public:
  /// Contexts that one connection can hold; more in a proposal are refused one by one with "local limit".
  static constexpr std::size_t kMaxContexts = 32;
  /// Definitions that a proposal may have at all; more is BadInput.
  static constexpr std::size_t kMaxProposed = 256;

  /// Initiator: ids 1, 3, 5, … in this order.
  [[nodiscard]] static PresentationContexts propose(const std::vector<asn1::Oid>& abstract_syntaxes);
  [[nodiscard]] std::vector<ContextDefinition> definitions() const;
  /// Initiator: the answers, in the order of definitions(). BadInput: not as many, or another transfer syntax than was proposed.
  [[nodiscard]] Status confirm(const std::vector<ContextAnswer>& answers);

  /// Responder: what of a proposal is accepted, in its order. A context is refused by itself: unknown abstract syntax, no Basic Encoding,
  /// too many. BadInput: an id is even, not positive or there twice.
  [[nodiscard]] static Result<PresentationContexts> answer(const std::vector<ContextDefinition>& proposed,
                                                           const std::vector<asn1::Oid>& supported);
  /// Responder: one for each definition.
  [[nodiscard]] const std::vector<ContextAnswer>& answers() const noexcept { return m_answers; }

  /// The id of the first accepted context of this syntax.
  [[nodiscard]] std::optional<std::int64_t> id_of(const asn1::Oid& abstract_syntax) const;
  /// nullptr: no such context, or it was refused.
  [[nodiscard]] const asn1::Oid* syntax_of(std::int64_t id) const;
  [[nodiscard]] const std::vector<PresentationContext>& all() const noexcept { return m_contexts; }

 private:
  std::vector<PresentationContext> m_contexts;
  std::vector<ContextAnswer> m_answers;
};

/// One or more values of one context: the octets are the BER of the value (or, from octet-aligned data, of values one after the other).
struct PresentationValue {
  std::int64_t context = 0;
  Bytes octets;
  friend bool operator==(const PresentationValue&, const PresentationValue&) = default;
};

/// Fully-encoded User-data with one PDV-list of one value (X.226 8.4.2.6), as session user data.
[[nodiscard]] Bytes write_user_data(std::int64_t context, ByteView value);
[[nodiscard]] UserData make_user_data(std::int64_t context, Bytes value);
/// The values of User-data, each in an accepted context. Simply-encoded data is taken where there is one context only (X.226 8.4.2.3).
/// BadInput: an unknown context, another transfer syntax, the "arbitrary" form.
[[nodiscard]] Result<std::vector<PresentationValue>> read_values(const UserData& data, const PresentationContexts& contexts);
/// TD or TTD PPDU: user data of S-DATA, S-TYPED-DATA and of every other primitive that carries User-data.
[[nodiscard]] Result<std::vector<PresentationValue>> read_user_data(ByteView ssdu, const PresentationContexts& contexts);

/// Called selectors are what the initiator dialled: absent and empty are the same (X.226 8.2.2.1).
[[nodiscard]] Bytes selector_of(const std::optional<asn1::OctetString>& selector);
[[nodiscard]] std::optional<asn1::OctetString> selector_parameter(const Bytes& selector);

/// What a refused context was and why, for an operator: "id-as-mtse (2.6.0.2.7): abstract syntax not supported".
[[nodiscard]] std::string describe_refused(const PresentationContexts& contexts);

}  // namespace postern::osi

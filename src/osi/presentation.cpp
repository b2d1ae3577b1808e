#include "osi/presentation.hpp"

#include <algorithm>

#include "asn1/ber.hpp"
#include "osi/oids.hpp"

namespace postern::osi {

PresentationContexts PresentationContexts::propose(const std::vector<asn1::Oid>& abstract_syntaxes) {
  PresentationContexts made;
  std::int64_t id = 1;
  for (const asn1::Oid& syntax : abstract_syntaxes) {
    made.m_contexts.push_back({id, syntax, false});
    id += 2;
  }
  return made;
}

std::vector<ContextDefinition> PresentationContexts::definitions() const {
  std::vector<ContextDefinition> list;
  for (const PresentationContext& each : m_contexts) list.push_back({each.id, each.abstract_syntax, {oid::basic_encoding()}});
  return list;
}

Status PresentationContexts::confirm(const std::vector<ContextAnswer>& answers) {
  // X.226 8.2.3.5: as many results as definitions, in their order.
  if (answers.size() != m_contexts.size())
    return fail(ErrorCode::BadInput,
                std::to_string(answers.size()) + " results for " + std::to_string(m_contexts.size()) + " proposed contexts",
                "presentation-context-definition-result-list");
  for (std::size_t i = 0; i < answers.size(); ++i) {
    const ContextAnswer& answer = answers[i];
    const bool accepted = answer.result == ContextResult::Acceptance;
    // The transfer syntax goes with an acceptance; we proposed one, so one that is left out can only be it.
    if (accepted && answer.transfer_syntax && *answer.transfer_syntax != oid::basic_encoding())
      return fail(ErrorCode::BadInput, "transfer syntax " + answer.transfer_syntax->text() + " was not proposed", "transfer-syntax-name");
    m_contexts[i].accepted = accepted;
  }
  m_answers = answers;
  return {};
}

namespace {

ContextAnswer refused(ContextReason reason) { return {ContextResult::ProviderRejection, std::nullopt, reason}; }

ContextAnswer judge(const ContextDefinition& definition, const std::vector<asn1::Oid>& supported, std::size_t index) {
  if (index >= PresentationContexts::kMaxContexts) return refused(ContextReason::LocalLimit);
  if (std::ranges::find(supported, definition.abstract_syntax) == supported.end())
    return refused(ContextReason::AbstractSyntaxNotSupported);
  if (std::ranges::find(definition.transfer_syntaxes, oid::basic_encoding()) == definition.transfer_syntaxes.end())
    return refused(ContextReason::TransferSyntaxesNotSupported);
  return {ContextResult::Acceptance, oid::basic_encoding(), std::nullopt};
}

bool has_id(const std::vector<PresentationContext>& contexts, std::int64_t id) {
  return std::ranges::find(contexts, id, &PresentationContext::id) != contexts.end();
}

}  // namespace

Result<PresentationContexts> PresentationContexts::answer(const std::vector<ContextDefinition>& proposed,
                                                          const std::vector<asn1::Oid>& supported) {
  if (proposed.size() > kMaxProposed)
    return fail(ErrorCode::TooLarge,
                std::to_string(proposed.size()) + " presentation contexts are proposed; the limit is " + std::to_string(kMaxProposed),
                "presentation-context-definition-list");
  PresentationContexts made;
  for (const ContextDefinition& definition : proposed) {
    // X.226 6.2.2.6: the initiator's identifiers are odd; each names one context.
    if (definition.id <= 0 || definition.id % 2 == 0 || has_id(made.m_contexts, definition.id))
      return fail(ErrorCode::BadInput, "context " + std::to_string(definition.id) + " is not an odd number of its own",
                  "presentation-context-identifier");
    made.m_answers.push_back(judge(definition, supported, made.m_contexts.size()));
    made.m_contexts.push_back({definition.id, definition.abstract_syntax, made.m_answers.back().result == ContextResult::Acceptance});
  }
  return made;
}

std::optional<std::int64_t> PresentationContexts::id_of(const asn1::Oid& abstract_syntax) const {
  for (const PresentationContext& each : m_contexts)
    if (each.accepted && each.abstract_syntax == abstract_syntax) return each.id;
  return std::nullopt;
}

const asn1::Oid* PresentationContexts::syntax_of(std::int64_t id) const {
  const auto found = std::ranges::find(m_contexts, id, &PresentationContext::id);
  return found != m_contexts.end() && found->accepted ? &found->abstract_syntax : nullptr;
}

namespace {
std::size_t header_size(std::size_t length) {
  std::size_t octets = 2;
  if (length >= 0x80)
    for (std::size_t rest = length; rest != 0; rest >>= 8) ++octets;
  return octets;
}
}  // namespace

Bytes write_user_data(std::int64_t context, ByteView value) {
  // Written by hand: every piece of a transfer goes through here, and this way its octets are copied once.
  Bytes id = *asn1::encode(context);
  const std::size_t list = id.size() + header_size(value.size()) + value.size();
  Bytes out;
  out.reserve(header_size(header_size(list) + list) + header_size(list) + list);
  asn1::write_header(out, asn1::application(1), true, header_size(list) + list);
  asn1::write_header(out, asn1::universal(16), true, list);
  append(out, id);
  asn1::write_header(out, asn1::context(0), true, value.size());
  append(out, value);
  return out;
}

UserData make_user_data(std::int64_t context, Bytes value) {
  PdvList list;
  list.context = context;
  list.values.value = asn1::Any{std::move(value)};
  UserData data;
  data.value = FullyEncodedData{std::move(list)};
  return data;
}

namespace {

Result<PresentationValue> read_list(const PdvList& list, const PresentationContexts& contexts) {
  if (contexts.syntax_of(list.context) == nullptr)
    return fail(ErrorCode::BadInput, "presentation context " + std::to_string(list.context) + " is not one that was agreed on",
                "presentation-context-identifier");
  // X.226 8.4.2.4: the name stands only where several were proposed, and then it must be ours.
  if (list.transfer_syntax && *list.transfer_syntax != oid::basic_encoding())
    return fail(ErrorCode::BadInput, "transfer syntax " + list.transfer_syntax->text() + " was not agreed on", "transfer-syntax-name");
  if (const auto* single = std::get_if<asn1::Any>(&list.values.value)) return PresentationValue{list.context, single->ber};
  if (const auto* aligned = std::get_if<asn1::OctetString>(&list.values.value)) return PresentationValue{list.context, aligned->octets};
  return fail(ErrorCode::Unsupported, "values in the arbitrary (bit string) form do not occur with Basic Encoding",
              "presentation-data-values");
}

Result<std::vector<PresentationValue>> read_simple(const SimplyEncodedData& data, const PresentationContexts& contexts) {
  const PresentationContext* only = nullptr;
  for (const PresentationContext& each : contexts.all()) {
    if (!each.accepted) continue;
    if (only != nullptr) return fail(ErrorCode::BadInput, "simply-encoded data with more than one context", "User-data");
    only = &each;
  }
  if (only == nullptr) return fail(ErrorCode::BadInput, "simply-encoded data without a context", "User-data");
  return std::vector<PresentationValue>{{only->id, data.octets}};
}

}  // namespace

Result<std::vector<PresentationValue>> read_values(const UserData& data, const PresentationContexts& contexts) {
  if (const auto* simple = std::get_if<SimplyEncodedData>(&data.value)) return read_simple(*simple, contexts);
  const auto& lists = std::get<FullyEncodedData>(data.value);
  if (lists.empty()) return fail(ErrorCode::BadInput, "no PDV-list", "Fully-encoded-data");
  std::vector<PresentationValue> values;
  values.reserve(lists.size());
  for (const PdvList& list : lists) {
    POSTERN_TRY(PresentationValue value, read_list(list, contexts));
    values.push_back(std::move(value));
  }
  return values;
}

Result<std::vector<PresentationValue>> read_user_data(ByteView ssdu, const PresentationContexts& contexts) {
  POSTERN_TRY(const UserData data, asn1::decode<UserData>(ssdu));
  return read_values(data, contexts);
}

Bytes selector_of(const std::optional<asn1::OctetString>& selector) { return selector ? selector->octets : Bytes(); }

std::optional<asn1::OctetString> selector_parameter(const Bytes& selector) {
  if (selector.empty()) return std::nullopt;
  return asn1::OctetString(selector);
}

std::string describe_refused(const PresentationContexts& contexts) {
  static const auto words = [](const ContextAnswer& answer) -> std::string {
    if (answer.result == ContextResult::UserRejection) return "refused by the peer's user";
    switch (answer.reason.value_or(ContextReason::NotSpecified)) {
      case ContextReason::AbstractSyntaxNotSupported: return "abstract syntax not supported";
      case ContextReason::TransferSyntaxesNotSupported: return "Basic Encoding not supported";
      case ContextReason::LocalLimit: return "too many contexts";
      default: return "refused without a reason";
    }
  };
  std::string text;
  for (std::size_t i = 0; i < contexts.all().size() && i < contexts.answers().size(); ++i) {
    if (contexts.all()[i].accepted) continue;
    if (!text.empty()) text += "; ";
    text += oid::describe(contexts.all()[i].abstract_syntax) + ": " + words(contexts.answers()[i]);
  }
  return text;
}

}  // namespace postern::osi

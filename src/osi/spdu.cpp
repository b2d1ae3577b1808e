#include "osi/spdu.hpp"

#include <algorithm>
#include <array>
#include <span>

#include "base/cursor.hpp"

namespace postern::osi {

namespace {

constexpr std::uint8_t kConnectionIdentifier = 1, kConnectAcceptItem = 5, kLinkingInformation = 33;
constexpr std::uint8_t kUserData = 193, kExtendedUserData = 194;
constexpr std::size_t kLongLength = 65'535;

// X.225 8.3, Tables 11 to 45: how one parameter is encoded. Exactly one of octets and number is set.
struct Parameter {
  std::uint8_t code;
  std::uint8_t group;  // PGI it is in, 0 for none
  std::string_view name;
  Spdu::Octets Spdu::* octets = nullptr;
  Spdu::Number Spdu::* number = nullptr;
  std::size_t least = 0;
  std::size_t most = 0;
  bool digits = false;  // A serial number: ISO 646 digits
};

using enum SpduKind;
// The rows of kParameters, by name.
enum Id : std::uint8_t {
  CalledReference,
  CallingReference,
  CommonReference,
  Additional,
  ProtocolOptions,
  TsduMaximum,
  Versions,
  InitialSerial,
  TokenSetting,
  SyncType,
  TokenItem,
  TransportDisconnect,
  Requirements,
  VersionAlone,
  Enclosure,
  LinkCalled,
  LinkCalling,
  LinkCommon,
  LinkAdditional,
  LinkActivity,
  LinkSerial,
  Activity,
  Serial,
  AckUserData,
  Reflect,
  Reason,
  RefuseReasonCode,
  CallingSelector,
  CalledSelector,
  DataOverflow,
  UserData,
  ExtendedUserData,
  TsduMaximumAlone,
  kIds
};

constexpr std::array<Parameter, kIds> kParameters = {{
    {9, kConnectionIdentifier, "called SS-user reference", &Spdu::called_reference, nullptr, 0, 64},
    {10, kConnectionIdentifier, "calling SS-user reference", &Spdu::calling_reference, nullptr, 0, 64},
    {11, kConnectionIdentifier, "common reference", &Spdu::common_reference, nullptr, 0, 64},
    {12, kConnectionIdentifier, "additional reference information", &Spdu::additional_information, nullptr, 0, 4},
    {19, kConnectAcceptItem, "protocol options", nullptr, &Spdu::protocol_options, 1, 1},
    {21, kConnectAcceptItem, "TSDU maximum size", nullptr, &Spdu::tsdu_maximum, 4, 4},
    {22, kConnectAcceptItem, "version number", nullptr, &Spdu::versions, 1, 1},
    {23, kConnectAcceptItem, "initial serial number", nullptr, &Spdu::initial_serial, 1, 6, true},
    {26, kConnectAcceptItem, "token setting item", nullptr, &Spdu::token_settings, 1, 1},
    {15, 0, "sync type item", nullptr, &Spdu::sync_type, 1, 1},
    {16, 0, "token item", nullptr, &Spdu::tokens, 1, 1},
    {17, 0, "transport disconnect", nullptr, &Spdu::transport_disconnect, 1, 1},
    {20, 0, "session user requirements", nullptr, &Spdu::requirements, 2, 2},
    {22, 0, "version number", nullptr, &Spdu::versions, 1, 1},
    {25, 0, "enclosure item", nullptr, &Spdu::enclosure, 1, 1},
    {9, kLinkingInformation, "called SS-user reference", &Spdu::called_reference, nullptr, 0, 64},
    {10, kLinkingInformation, "calling SS-user reference", &Spdu::calling_reference, nullptr, 0, 64},
    {11, kLinkingInformation, "common reference", &Spdu::common_reference, nullptr, 0, 64},
    {12, kLinkingInformation, "additional reference information", &Spdu::additional_information, nullptr, 0, 4},
    {41, kLinkingInformation, "old activity identifier", &Spdu::old_activity, nullptr, 1, 6},
    {42, kLinkingInformation, "serial number", nullptr, &Spdu::serial, 1, 6, true},
    {41, 0, "activity identifier", &Spdu::activity, nullptr, 1, 6},
    {42, 0, "serial number", nullptr, &Spdu::serial, 1, 6, true},
    {46, 0, "user data", &Spdu::user_data, nullptr, 0, kLongLength},
    {49, 0, "reflect parameter values", &Spdu::reflected, nullptr, 0, kLongLength},
    {50, 0, "reason code", &Spdu::reason, nullptr, 1, 1},
    {50, 0, "reason code", &Spdu::reason, nullptr, 1, kLongLength},
    {51, 0, "calling session selector", &Spdu::calling_selector, nullptr, 0, 16},
    {52, 0, "called session selector", &Spdu::called_selector, nullptr, 0, 16},
    {60, 0, "data overflow", nullptr, &Spdu::data_overflow, 1, 1},
    {kUserData, 0, "user data", &Spdu::user_data, nullptr, 0, kLongLength},
    {kExtendedUserData, 0, "extended user data", &Spdu::user_data, nullptr, 0, kMaxExtendedUserData},
    {21, 0, "TSDU maximum size", nullptr, &Spdu::tsdu_maximum, 4, 4},
}};

// X.225 6.3.7, Table 6: what leads a category 2 SPDU.
enum class Leader : std::uint8_t { None, Give, Please };

// X.225 8.3: one SPDU. Parameters in the order in which they are written; `mandatory` ones come first in `required`.
struct Format {
  std::uint8_t si;
  std::uint8_t category;
  Leader leader;
  std::string_view name;
  std::span<const Id> parameters;
  std::span<const Id> required;
  bool user_information = false;
};

constexpr Id kCn[] = {CallingReference, CalledReference, CommonReference, Additional,   ProtocolOptions,
                      TsduMaximum,      Versions,        InitialSerial,   TokenSetting, Requirements,
                      CallingSelector,  CalledSelector,  DataOverflow,    UserData,     ExtendedUserData};
constexpr Id kOa[] = {TsduMaximumAlone, VersionAlone};
constexpr Id kCdo[] = {Enclosure, UserData};
constexpr Id kAc[] = {CalledReference, CallingReference, CommonReference, Additional,     ProtocolOptions,
                      TsduMaximum,     Versions,         InitialSerial,   TokenSetting,   TokenItem,
                      Requirements,    Enclosure,        CallingSelector, CalledSelector, UserData};
constexpr Id kRf[] = {CalledReference, CallingReference, CommonReference, Additional,      TransportDisconnect,
                      Requirements,    VersionAlone,     Enclosure,       RefuseReasonCode};
constexpr Id kFn[] = {TransportDisconnect, Enclosure, UserData};
constexpr Id kDn[] = {Enclosure, UserData};
constexpr Id kAb[] = {TransportDisconnect, Enclosure, Reflect, UserData};
constexpr Id kDt[] = {Enclosure};
constexpr Id kTokens[] = {TokenItem, Enclosure, UserData};
constexpr Id kMip[] = {SyncType, Enclosure, Serial, UserData};
constexpr Id kMia[] = {Enclosure, Serial, AckUserData, UserData};
constexpr Id kMaa[] = {Enclosure, Serial, UserData};
constexpr Id kAs[] = {Enclosure, Activity, UserData};
constexpr Id kAr[] = {Enclosure, LinkCalled, LinkCalling, LinkCommon, LinkAdditional, LinkActivity, LinkSerial, Activity, UserData};
constexpr Id kReasonOnly[] = {Reason};
constexpr Id kEr[] = {Reflect};
constexpr Id kEd[] = {Enclosure, Reason, UserData};
constexpr Id kNeedsTransport[] = {TransportDisconnect};
constexpr Id kNeedsVersion[] = {VersionAlone};
constexpr Id kNeedsReason[] = {RefuseReasonCode};
constexpr Id kNeedsSerial[] = {Serial};
constexpr Id kNeedsActivity[] = {Activity};
constexpr Id kNeedsLink[] = {LinkActivity, LinkSerial, Activity};

constexpr std::array<Format, kSpduKinds> kFormats = {{
    {13, 1, Leader::None, "CONNECT", kCn, {}},
    {16, 1, Leader::None, "OVERFLOW ACCEPT", kOa, kNeedsVersion},
    {15, 1, Leader::None, "CONNECT DATA OVERFLOW", kCdo, {}},
    {14, 1, Leader::None, "ACCEPT", kAc, {}},
    {12, 1, Leader::None, "REFUSE", kRf, {}},
    {9, 1, Leader::None, "FINISH", kFn, {}},
    {10, 1, Leader::None, "DISCONNECT", kDn, {}},
    {8, 1, Leader::None, "NOT FINISHED", kDn, {}},
    {25, 1, Leader::None, "ABORT", kAb, kNeedsTransport},
    {26, 1, Leader::None, "ABORT ACCEPT", {}, {}},
    {1, 2, Leader::Give, "DATA TRANSFER", kDt, {}, true},
    {33, 1, Leader::None, "TYPED DATA", kDt, {}, true},
    {1, 0, Leader::None, "GIVE TOKENS", kTokens, {}},
    {2, 0, Leader::None, "PLEASE TOKENS", kTokens, {}},
    {21, 1, Leader::None, "GIVE TOKENS CONFIRM", {}, {}},
    {22, 1, Leader::None, "GIVE TOKENS ACK", {}, {}},
    {49, 2, Leader::Give, "MINOR SYNC POINT", kMip, kNeedsSerial},
    {50, 2, Leader::Please, "MINOR SYNC ACK", kMia, kNeedsSerial},
    {41, 2, Leader::Give, "MAJOR SYNC POINT", kMip, kNeedsSerial},
    {42, 2, Leader::Please, "MAJOR SYNC ACK", kMaa, kNeedsSerial},
    {45, 2, Leader::Give, "ACTIVITY START", kAs, kNeedsActivity},
    {29, 2, Leader::Give, "ACTIVITY RESUME", kAr, kNeedsLink},
    {25, 2, Leader::Give, "ACTIVITY INTERRUPT", kReasonOnly, {}},
    {26, 2, Leader::Please, "ACTIVITY INTERRUPT ACK", {}, {}},
    {57, 2, Leader::Give, "ACTIVITY DISCARD", kReasonOnly, {}},
    {58, 2, Leader::Please, "ACTIVITY DISCARD ACK", {}, {}},
    {41, 2, Leader::Give, "ACTIVITY END", kMaa, kNeedsSerial},
    {0, 2, Leader::Please, "EXCEPTION REPORT", kEr, {}},
    {48, 2, Leader::Please, "EXCEPTION DATA", kEd, kNeedsReason},
}};

const Format& format_of(SpduKind kind) noexcept { return kFormats[static_cast<std::size_t>(kind)]; }
// X.225 8.2.7: a segment behind the first carries the enclosure item and user data only.
bool is_later_segment(const Spdu& spdu) noexcept { return spdu.enclosure && (*spdu.enclosure & kBeginningOfSsdu) == 0; }

// --- writing

void write_length(Bytes& out, std::size_t length) {
  if (length < 255) {
    out.push_back(static_cast<Byte>(length));
    return;
  }
  out.push_back(255);
  out.push_back(static_cast<Byte>(length >> 8));
  out.push_back(static_cast<Byte>(length));
}

void write_unit(Bytes& out, std::uint8_t code, ByteView value) {
  out.push_back(code);
  write_length(out, value.size());
  append(out, value);
}

void write_parameter(Bytes& out, const Parameter& parameter, const Spdu& spdu) {
  if (parameter.octets != nullptr) {
    const ByteView value = *(spdu.*parameter.octets);
    return write_unit(out, parameter.code, value.first(std::min(value.size(), parameter.most)));
  }
  const std::uint32_t number = *(spdu.*parameter.number);
  if (parameter.digits) return write_unit(out, parameter.code, as_bytes(std::to_string(number)));
  write_unit(out, parameter.code, ByteWriter().write_uint(number, parameter.most).bytes());
}

bool is_present(const Parameter& parameter, const Spdu& spdu) noexcept {
  return parameter.octets != nullptr ? (spdu.*parameter.octets).has_value() : (spdu.*parameter.number).has_value();
}

// User data stands in one of two units: up to 512 octets in user data, more in extended user data, which only CONNECT has.
bool is_written(const Parameter& parameter, const Spdu& spdu) noexcept {
  if (!is_present(parameter, spdu)) return false;
  if (spdu.kind == CN && parameter.code == kUserData) return spdu.user_data->size() <= kMaxUserDataVersion1;
  if (parameter.code == kExtendedUserData) return spdu.user_data->size() > kMaxUserDataVersion1;
  if (spdu.kind == MIA && parameter.code == kUserData) return false;  // 8.3.19: PI 46
  return true;
}

Bytes parameter_field(const Spdu& spdu, const Format& format) {
  Bytes field;
  Bytes group;
  std::uint8_t open = 0;
  const auto close = [&] {
    if (!group.empty()) write_unit(field, open, group);
    group.clear();
  };
  for (const Id id : format.parameters) {
    const Parameter& parameter = kParameters[id];
    if (parameter.group != open) close();
    open = parameter.group;
    if (is_written(parameter, spdu)) write_parameter(open == 0 ? field : group, parameter, spdu);
  }
  close();
  return field;
}

// --- reading

struct Unit {
  std::uint8_t code;
  ByteView value;
};

// X.225 8.2.5: one octet for 0 to 254, 255 and two octets for 255 to 65,535.
tl::expected<std::size_t, SpduError> read_length(ByteView octets, std::size_t& at) {
  if (at >= octets.size()) return tl::unexpected(SpduError{at, "ends before a length indicator"});
  const std::size_t start = at;
  const std::size_t first = octets[at++];
  if (first != 255) return first;
  if (octets.size() - at < 2) return tl::unexpected(SpduError{start, "ends within a length indicator"});
  const std::size_t length = static_cast<std::size_t>(octets[at]) << 8 | octets[at + 1];
  at += 2;
  if (length < 255) return tl::unexpected(SpduError{start, "a length below 255 is in the long form (X.225 8.2.5)"});
  return length;
}

tl::expected<Unit, SpduError> read_unit(ByteView octets, std::size_t& at) {
  const std::size_t start = at;
  const std::uint8_t code = octets[at++];
  const auto length = read_length(octets, at);
  if (!length) return tl::unexpected(length.error());
  if (*length > octets.size() - at)
    return tl::unexpected(SpduError{start, "parameter " + std::to_string(code) + " says " + std::to_string(*length) + " octets, " +
                                               std::to_string(octets.size() - at) + " are there"});
  const ByteView value = octets.subspan(at, *length);
  at += *length;
  return Unit{code, value};
}

std::string wrong_size(const Parameter& parameter, std::size_t size) {
  return std::string(parameter.name) + " has " + std::to_string(size) + " octets, " + std::to_string(parameter.least) + " to " +
         std::to_string(parameter.most) + " are allowed";
}

std::optional<std::string> store_number(const Parameter& parameter, ByteView value, Spdu& spdu) {
  std::uint32_t number = 0;
  for (const Byte octet : value) {
    if (parameter.digits && (octet < '0' || octet > '9')) return std::string(parameter.name) + " has other octets than digits";
    number = parameter.digits ? number * 10 + (octet - '0') : number << 8 | octet;
  }
  spdu.*parameter.number = number;
  return std::nullopt;
}

std::optional<std::string> store(const Parameter& parameter, ByteView value, Spdu& spdu) {
  if (is_present(parameter, spdu)) return std::string(parameter.name) + " is there twice";
  if (value.empty() && parameter.least > 0) return std::nullopt;  // 8.2.6: length zero is an absent parameter
  if (value.size() < parameter.least || value.size() > parameter.most) return wrong_size(parameter, value.size());
  if (parameter.number != nullptr) return store_number(parameter, value, spdu);
  spdu.*parameter.octets = value;
  return std::nullopt;
}

// In the group it belongs to; outside a group also what belongs into the connect/accept item (8.2.7 lets a PI stand for its group).
const Parameter* find(const Format& format, std::uint8_t code, std::uint8_t group) noexcept {
  const Parameter* elsewhere = nullptr;
  for (const Id id : format.parameters) {
    const Parameter& parameter = kParameters[id];
    if (parameter.code != code) continue;
    if (parameter.group == group) return &parameter;
    if (parameter.group == kConnectAcceptItem || group == kConnectAcceptItem) elsewhere = &parameter;
  }
  return elsewhere;
}

bool is_group(std::uint8_t code) noexcept {
  return code == kConnectionIdentifier || code == kConnectAcceptItem || code == kLinkingInformation;
}

// Units of one field. `base` is where `field` begins in the TSDU.
std::optional<SpduError> read_units(const Format& format, ByteView field, std::size_t base, std::uint8_t group, Spdu& spdu) {
  for (std::size_t at = 0; at < field.size();) {
    const std::size_t start = at;
    const auto unit = read_unit(field, at);
    if (!unit) return SpduError{base + unit.error().offset, unit.error().what};
    if (group == 0 && is_group(unit->code)) {
      if (auto error = read_units(format, unit->value, base + at - unit->value.size(), unit->code, spdu)) return error;
      continue;
    }
    const Parameter* parameter = find(format, unit->code, group);
    if (parameter == nullptr) continue;  // 8.2.9: what is not defined for this SPDU is ignored
    if (auto what = store(*parameter, unit->value, spdu)) return SpduError{base + start, *std::move(what)};
  }
  return std::nullopt;
}

std::optional<SpduError> check_required(const Format& format, const Spdu& spdu, std::size_t at) {
  if (is_later_segment(spdu)) return std::nullopt;
  for (const Id id : format.required)
    if (!is_present(kParameters[id], spdu)) return SpduError{at, std::string(kParameters[id].name) + " is missing"};
  return std::nullopt;
}

// The SI alone does not tell: GT and DT, AB and AI, AA and AIA share it, and their place in the TSDU decides (X.225 6.3.7).
std::optional<SpduKind> kind_at(std::uint8_t si, bool first) noexcept {
  for (std::size_t i = 0; i < kFormats.size(); ++i) {
    const Format& format = kFormats[i];
    if (format.si == si && (format.category == 2) != first) return static_cast<SpduKind>(i);
  }
  return std::nullopt;
}

std::string misplaced(std::uint8_t si, bool first) {
  if (const auto kind = kind_at(si, !first))
    return std::string(name_of(*kind)) + (first ? " stands without GIVE TOKENS or PLEASE TOKENS before it (X.225 6.3.7)"
                                                : " may not follow another SPDU in a TSDU (X.225 6.3.7)");
  return "unknown SPDU identifier " + std::to_string(si) + " (X.225 8.1)";
}

// 8.3.21: a MAJOR SYNC POINT without the sync type item ends the activity.
void tell_end_from_major(Spdu& spdu) noexcept {
  if (spdu.kind == MAP && !spdu.sync_type) spdu.kind = AE;
}

}  // namespace

std::string_view name_of(SpduKind kind) noexcept { return format_of(kind).name; }
unsigned category_of(SpduKind kind) noexcept { return format_of(kind).category; }

void write_spdu(Bytes& out, const Spdu& spdu) {
  const Format& format = format_of(spdu.kind);
  out.push_back(format.si);
  const Bytes field = parameter_field(spdu, format);
  write_length(out, field.size());
  append(out, field);
  if (format.user_information && spdu.user_data) append(out, *spdu.user_data);
}

Bytes write_tsdu(const Spdu& spdu) {
  Bytes tsdu;
  const Leader leader = format_of(spdu.kind).leader;
  if (leader != Leader::None) tsdu = {leader == Leader::Give ? Byte{1} : Byte{2}, 0};
  write_spdu(tsdu, spdu);
  return tsdu;
}

tl::expected<Spdu, SpduError> TsduReader::next() {
  const std::size_t start = m_at;
  const auto wrong = [](std::size_t offset, std::string what) { return tl::unexpected(SpduError{offset, std::move(what)}); };
  if (m_at >= m_tsdu.size()) return wrong(start, "a TSDU without an SPDU");
  if (m_count > m_limit) return wrong(start, "more SPDUs are concatenated than was agreed on (X.225 6.3.7)");
  const std::uint8_t si = m_tsdu[m_at++];
  const auto kind = kind_at(si, m_count == 0);
  if (!kind) return wrong(start, misplaced(si, m_count == 0));
  const Format& format = format_of(*kind);
  const auto named = [&](std::string_view what) { return std::string(format.name) + ": " + std::string(what); };
  const auto length = read_length(m_tsdu, m_at);
  if (!length) return wrong(length.error().offset, named(length.error().what));
  if (*length > m_tsdu.size() - m_at)
    return wrong(start, named("says " + std::to_string(*length) + " octets, " + std::to_string(m_tsdu.size() - m_at) + " are there"));
  Spdu spdu;
  spdu.kind = *kind;
  if (auto error = read_units(format, m_tsdu.subspan(m_at, *length), m_at, 0, spdu)) return wrong(error->offset, named(error->what));
  if (auto error = check_required(format, spdu, start)) return wrong(error->offset, named(error->what));
  m_at += *length;
  ++m_count;
  tell_end_from_major(spdu);
  if (format.user_information) {
    spdu.user_data = m_tsdu.subspan(m_at);  // 8.3.11: to the end of the TSDU
    m_at = m_tsdu.size();
  }
  if (format.category == 1 && m_at != m_tsdu.size()) return wrong(m_at, named("is followed by another SPDU (X.225 6.3.7)"));
  return spdu;
}

}  // namespace postern::osi

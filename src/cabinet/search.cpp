#include "cabinet/search.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace postern::cabinet {
namespace {

// Of a brief; nothing that is folded has them.
constexpr char kField = '\x1f', kAddress = '\x1e';

/// Capital letters of two octets of UTF-8 whose small ones stand at a distance: Latin-1, Greek, Cyrillic.
unsigned lower(unsigned letter) noexcept {
  const auto within = [letter](unsigned first, unsigned last) { return letter >= first && letter <= last; };
  if ((within(0xC0, 0xDE) && letter != 0xD7) || within(0x391, 0x3A9) || within(0x410, 0x42F)) return letter + 0x20;
  return within(0x400, 0x40F) ? letter + 0x50 : letter;
}

std::string folded(std::string_view text) {
  std::string out = to_lower(text);
  for (std::size_t n = 0; n < out.size(); ++n) {
    const auto first = static_cast<unsigned char>(out[n]);
    if (first < 0x20) out[n] = ' ';
    if ((first & 0xE0U) != 0xC0 || n + 1 == out.size()) continue;
    const unsigned letter = lower((first & 0x1FU) << 6U | (static_cast<unsigned char>(out[n + 1]) & 0x3FU));
    out[n++] = static_cast<char>(0xC0U | letter >> 6U);
    out[n] = static_cast<char>(0x80U | (letter & 0x3FU));
  }
  return out;
}

bool contains(std::string_view text, std::string_view part) { return text.find(part) != std::string_view::npos; }

/// What is asked for, folded once for many briefs.
struct Wanted {
  std::vector<std::string> from, to;
  std::string subject, content_identifier;
};

std::vector<std::string> pieces_of(std::string_view address) {
  std::vector<std::string> out;
  const std::string text = folded(address);
  for (const std::string_view each : split(text, ';'))
    if (const std::string_view piece = trim(each); !piece.empty()) out.emplace_back(piece);
  return out;
}

bool has_pieces(std::string_view address, const std::vector<std::string>& pieces) {
  return std::ranges::all_of(pieces, [address](const std::string& each) { return contains(address, each); });
}

bool matches(const Wanted& wanted, std::string_view brief) {
  const auto fields = split(brief, kField);  // from, to, subject, content identifier
  if (fields.size() != 4) return true;       // of another build: the item decides
  const auto recipients = split(fields[1], kAddress);
  const auto is_to = [&](std::string_view each) { return has_pieces(each, wanted.to); };
  return has_pieces(fields[0], wanted.from) && (wanted.to.empty() || std::ranges::any_of(recipients, is_to)) &&
         contains(fields[2], wanted.subject) && (wanted.content_identifier.empty() || fields[3] == wanted.content_identifier);
}

Wanted wanted_of(const Query& query) {
  return {pieces_of(query.from), pieces_of(query.to), folded(query.subject), folded(query.content_identifier)};
}

bool looks_into_brief(const Query& query) {
  return !query.from.empty() || !query.to.empty() || !query.subject.empty() || !query.content_identifier.empty();
}

std::uint32_t mask(std::uint32_t asked) { return asked == 0 ? CabinetFilter::kAny : asked; }
std::uint32_t bit(std::uint32_t place) { return std::uint32_t{1} << place; }
constexpr std::uint32_t kNothingHeard = std::uint32_t{1} << static_cast<std::uint32_t>(ipm::Stage::Waiting);

template <class E>
bool in(std::uint32_t mask, E value) {
  return (mask & bit(static_cast<std::uint32_t>(value))) != 0;
}

}  // namespace

std::string brief_of(const Item& item) {
  std::string out = folded(item.from) + kField;
  for (const std::string& each : item.to) out += folded(each) + kAddress;
  return out + kField + folded(item.subject) + kField + folded(item.content_identifier);
}

std::uint32_t outcomes_of(const Item& item) {
  std::uint32_t out = 0;
  for (const Recipient& each : item.recipients) out |= bit(static_cast<std::uint32_t>(each.stage));
  return item.state == State::Received ? 0 : out;
}

CabinetFilter filter_of(const Query& query) {
  CabinetFilter out;
  out.folder = query.folder, out.before = query.before, out.after = query.after;
  out.kinds = mask(query.kinds), out.states = mask(query.states), out.priorities = mask(query.priorities);
  if (query.opened) out.unopened = bit(*query.opened ? 0 : 1);
  if (query.since) out.since = *query.since * 1000;
  if (query.until) out.until = *query.until * 1000;
  out.any_outcome = query.outcomes;
  if (query.reported == false) out.no_outcome = ~kNothingHeard;
  if (query.reported == true) out.also_outcome = ~kNothingHeard;  // of the same recipient or of another
  if (looks_into_brief(query)) out.matches = [wanted = wanted_of(query)](std::string_view brief) { return matches(wanted, brief); };
  return out;
}

bool takes(const Query& query, const Item& item) {
  const CabinetFilter filter = filter_of(query);
  const std::uint32_t outcomes = outcomes_of(item);
  const auto has_of = [outcomes](std::uint32_t wanted) { return wanted == 0 || (outcomes & wanted) != 0; };
  const bool heard = has_of(filter.any_outcome) && has_of(filter.also_outcome) && (outcomes & filter.no_outcome) == 0;
  return heard && in(filter.kinds, item.kind) && in(filter.states, item.state) && in(filter.priorities, item.priority) &&
         in(filter.unopened, item.unopened) && item.created >= filter.since && item.created < filter.until &&
         (!filter.matches || filter.matches(brief_of(item)));
}

}  // namespace postern::cabinet

#include "mhs/list_settings.hpp"

#include <algorithm>
#include <fstream>
#include <set>

#include "base/text.hpp"
#include "oraddress/compare.hpp"
#include "oraddress/or_text.hpp"

namespace postern::mhs {
namespace {

Result<mts::ORName> name_in(std::string_view text, std::string_view field) {
  auto address = oraddress::parse(text);
  if (!address) return fail(Error{address.error().code, printable(text) + ": " + address.error().what, std::string(field)});
  mts::ORName out;
  static_cast<oraddress::ORAddress&>(out) = *std::move(address);
  return out;
}

/// Names, each once.
class Names {
 public:
  Status add(std::string_view text, std::string_view field) {
    POSTERN_TRY(mts::ORName name, name_in(text, field));
    if (!m_known.insert(oraddress::comparison_key(name)).second) return {};
    if (m_names.size() >= kListMembers)
      return fail(ErrorCode::TooLarge, "more than " + std::to_string(kListMembers) + " names; make lists within the list",
                  std::string(field));
    m_names.push_back(std::move(name));
    return {};
  }
  Status add(const std::vector<std::string>& texts, std::string_view field) {
    for (const std::string& text : texts) POSTERN_CHECK(add(text, field));
    return {};
  }
  Status add_file(const std::string& path) {
    std::ifstream file(path);
    if (!file) return fail(ErrorCode::NotFound, "cannot read " + path + "; check the path and its permissions", "members_file");
    std::string line;
    for (std::size_t number = 1; std::getline(file, line); ++number) {
      const std::string_view text = trim(line);
      if (text.empty() || text.front() == '#') continue;
      auto added = add(text, "members_file");
      if (!added) return fail(Error(added.error()).context("line " + std::to_string(number)));
    }
    return {};
  }
  [[nodiscard]] bool holds(const mts::ORName& name) const { return m_known.contains(oraddress::comparison_key(name)); }
  [[nodiscard]] std::vector<mts::ORName> take() && { return std::move(m_names); }

 private:
  std::set<std::string> m_known;
  std::vector<mts::ORName> m_names;
};

Status set_reports(const config::X400List& from, DistributionList& into) {
  into.policy.reports_to_owner = from.reports == "owner";
  into.reports.onward = from.reports != "owner";
  if (from.reports == "originator") return {};
  POSTERN_TRY(into.reports.owner, name_in(from.owner, "owner"));
  if (mts::same_name(*into.reports.owner, into.name))
    return fail(ErrorCode::BadInput, "is the list itself: its reports would go in circles", "owner");
  return {};
}

Result<DistributionList> list_of(const config::Config& config, const config::X400List& from) {
  DistributionList out;
  POSTERN_TRY(out.name, name_in(from.address, "address"));
  Names members, submitters;
  POSTERN_CHECK(members.add(from.members, "members"));
  if (!from.members_file.empty()) POSTERN_CHECK(members.add_file(config.beside_config(from.members_file)));
  if (members.holds(out.name)) return fail(ErrorCode::BadInput, "has the list itself", "members");
  out.policy.members = std::move(members).take();
  if (out.policy.members.empty()) return fail(ErrorCode::BadInput, "has nobody", from.members_file.empty() ? "members" : "members_file");
  POSTERN_CHECK(submitters.add(from.submitters, "submitters"));
  out.policy.submit_permission = from.submit == "members" ? out.policy.members : std::move(submitters).take();
  POSTERN_CHECK(set_reports(from, out));
  return out;
}

/// Two lists that own each other would pass a report round for ever.
Status check_owners(const Lists& lists) {
  for (const auto& [key, list] : lists.all()) {
    if (!list.reports.owner || lists.find(*list.reports.owner) == nullptr) continue;
    return fail(
        Error{ErrorCode::BadInput, "is a list; name a person", "owner"}.context("[[x400_list]] " + printable(oraddress::write(list.name))));
  }
  return {};
}

}  // namespace

Result<Lists> lists_of(const config::Config& config) {
  Lists out;
  for (const auto& each : config.x400_lists) {
    auto list = list_of(config, each);
    const Status added = list ? out.add(*std::move(list)) : Status(fail(list.error()));
    if (!added) return fail(Error(added.error()).context("[[x400_list]] " + printable(each.address)));
  }
  POSTERN_CHECK(check_owners(out));
  return out;
}

}  // namespace postern::mhs

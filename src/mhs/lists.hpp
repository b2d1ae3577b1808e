// The distribution lists that this MTA expands (X.402 7.1.3, X.411 14.3.10): their members, who may send to them, where their members'
// reports go.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.hpp"
#include "mts/rules_recipient.hpp"
#include "mts/rules_report.hpp"

namespace postern::mhs {

/// Members of one list; more are lists within a list.
inline constexpr std::size_t kListMembers = 10'000;

struct DistributionList {
  mts::ORName name;
  mts::ListPolicy policy;
  mts::ListReportPolicy reports;
};

/// By O/R address (X.402 18.4). Fixed once the MTA runs: any thread.
class Lists {
 public:
  /// Conflict: there is one of this address.
  [[nodiscard]] Status add(DistributionList list);
  /// nullptr: the address is no list of ours. Lives as long as this.
  [[nodiscard]] const DistributionList* find(const oraddress::ORAddress& address) const;
  /// By address in any text form. NotFound; BadInput: no O/R address.
  [[nodiscard]] Result<const DistributionList*> find_text(std::string_view address) const;
  [[nodiscard]] const std::map<std::string, DistributionList>& all() const noexcept { return m_lists; }

 private:
  std::map<std::string, DistributionList> m_lists;  ///< By comparison key.
};

/// For people.
struct ListTexts {
  std::string address, reports;  ///< reports: originator, owner, both; as in the setting.
  std::string owner;             ///< Empty: none.
  std::vector<std::string> members, submitters;
};
[[nodiscard]] ListTexts texts_of(const DistributionList& list);

}  // namespace postern::mhs

// What a list of the mailbox is asked for, and which messages it takes: functions of values.
#pragma once

#include "cabinet/item.hpp"

namespace postern::cabinet {

/// All that is given must hold. Masks have a bit for each value, 1 << number; 0: any. Texts are found whatever their case (Latin, Greek and
/// Cyrillic letters).
struct Query {
  std::string folder{};           ///< Empty: all of them.
  std::string before{}, after{};  ///< Ids between which it looks; empty: no bound.
  std::uint32_t kinds = 0, states = 0, priorities = 0;
  std::optional<bool> opened{};
  std::optional<std::int64_t> since{}, until{};  ///< Seconds since 1970; since <= created < until.
  std::uint32_t outcomes = 0;                    ///< Of ipm::Stage: some recipient has one of them.
  std::optional<bool> reported{};                ///< Whether anything was heard of any recipient.
  std::string from{}, to{};                      ///< Pieces between semicolons, each of them in the address; of `to`, all in one.
  std::string subject{}, content_identifier{};   ///< A part of the one; all of the other.
};

[[nodiscard]] CabinetFilter filter_of(const Query& query);
[[nodiscard]] bool takes(const Query& query, const Item& item);

/// What stands in an item's row for that.
[[nodiscard]] std::string brief_of(const Item& item);
[[nodiscard]] std::uint32_t outcomes_of(const Item& item);

}  // namespace postern::cabinet

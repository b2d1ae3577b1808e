// Notifications that are owed for messages that were taken by P3 (X.420 8), beside those in their folder, so that each is sent once:
//
//   NAME.owed       the submission (BER) that is still to be made
//   NAME.notified   it was begun: whatever became of it, it is not made again
//
// What breaks off while one is submitted may lose it and never doubles it, as with P7 (mhs/p7_receipts.hpp). One process at a time for each
// folder.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "mts/p3.hpp"

namespace postern::cli {

class OwedNotifications {
 public:
  explicit OwedNotifications(std::filesystem::path folder) : m_folder(std::move(folder)) {}

  /// Durable when it returns. False where it was owed before: the message came again.
  [[nodiscard]] Result<bool> owe(const std::string& name, const mts::MessageSubmissionArgument& notification) const;
  /// By name.
  [[nodiscard]] Result<std::vector<std::string>> waiting() const;
  /// To be submitted now; it waits no more. IntegrityFailed: the file is damaged, and stays.
  [[nodiscard]] Result<mts::MessageSubmissionArgument> begin(const std::string& name) const;
  /// The MTS said no, so it was not submitted: it waits again.
  [[nodiscard]] Status put_back(const std::string& name) const;

 private:
  [[nodiscard]] Status rename(const std::string& from, const std::string& to) const;

  const std::filesystem::path m_folder;
};

}  // namespace postern::cli

// Makes the next inserts into a table fail with any server error.
#pragma once

#include <string>

#include "support/stack.hpp"

namespace users::test {

/// Makes the next `count` inserts into a table fail with an error number while it lives.
class FailingInserts {
 public:
  FailingInserts(ScratchDatabase& database, const std::string& table, unsigned number,
                 int count = 1000)
      : database_(database) {
    // Not InnoDB, so that a rollback does not restore the counter.
    database.query("CREATE TABLE failures (n INT) ENGINE = Aria; INSERT INTO failures VALUES (" +
                   std::to_string(count) + ")");
    database.query("CREATE TRIGGER failing BEFORE INSERT ON " + table +
                   " FOR EACH ROW BEGIN UPDATE failures SET n = n - 1; IF (SELECT n FROM failures) "
                   ">= 0 THEN SIGNAL SQLSTATE 'HY000' SET MYSQL_ERRNO = " +
                   std::to_string(number) + "; END IF; END");
  }
  ~FailingInserts() { database_.query("DROP TRIGGER failing; DROP TABLE failures"); }
  FailingInserts(const FailingInserts&) = delete;
  FailingInserts& operator=(const FailingInserts&) = delete;

  /// How many inserts are still to fail; negative: how many have succeeded since.
  [[nodiscard]] int left() const { return std::stoi(database_.query("SELECT n FROM failures")); }

 private:
  ScratchDatabase& database_;
};

}  // namespace users::test

// A table whose next inserts fail, with whatever error the server may have.
#pragma once

#include <string>

#include "support/stack.hpp"

namespace users::test {

/// Makes the next `count` inserts into a table fail with an error number for as long as it lives.
class FailingInserts {
 public:
  FailingInserts(ScratchDatabase& database, const std::string& table, unsigned number,
                 int count = 1000)
      : database_(database) {
    // No InnoDB table, so that a rollback does not wind the counter back.
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

  /// How many are still to fail; negative: how many went through behind them.
  [[nodiscard]] int left() const { return std::stoi(database_.query("SELECT n FROM failures")); }

 private:
  ScratchDatabase& database_;
};

}  // namespace users::test

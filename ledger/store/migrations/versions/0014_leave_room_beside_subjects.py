"""leave room beside subjects"""

from alembic import op

revision = '0014'
down_revision = '0013'


def upgrade() -> None:
    # For pages that are written from now on; those that are full stay so until they are rewritten.
    if op.get_bind().dialect.name == 'postgresql':
        op.execute('ALTER TABLE subjects SET (fillfactor = 60)')


def downgrade() -> None:
    if op.get_bind().dialect.name == 'postgresql':
        op.execute('ALTER TABLE subjects RESET (fillfactor)')

"""What a progress bar is about, as plain text: file and table names are other people's."""

from rich.progress import ProgressColumn, Task
from rich.text import Text

from app.cli import output


class DescriptionColumn(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(output.visible(task.description))
